import { type CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { ListSubscriptionsByTopicCommand, type SNSClient } from '@aws-sdk/client-sns';
import { type Finding, ok, plural, problem, skipped } from './finding.ts';

const MAXIMUM_BATCH_SIZE = 100;

/**
 * Checks that the stack's alarms exist, are not in ALARM state and notify somebody.
 *
 * @param names the names of the stack's alarms
 */
export async function checkAlarms(client: CloudWatchClient, sns: SNSClient, names: string[]): Promise<Finding[]> {
  const redeploy = 'Deploy again: npx serverless deploy.';
  if (names.length === 0) return [problem('The stack has no alarms, so lost events would go unnoticed.', redeploy)];
  const alarms = await readAlarms(client, names);
  const missing = names.filter((name) => !alarms.some(({ AlarmName }) => AlarmName === name));
  const active = alarms.filter(({ StateValue }) => StateValue === 'ALARM');
  const disabled = alarms.filter(({ ActionsEnabled }) => ActionsEnabled === false);
  const problems = [
    ...missing.map((name) => problem(`The alarm ${name} does not exist.`, `Was it deleted manually? ${redeploy}`)),
    ...active.map(({ AlarmName, StateReason = '' }) =>
      problem(`The alarm ${AlarmName} is in ALARM state. ${StateReason}`.trim(), 'See docs/operating.md#alarms.'),
    ),
    ...disabled.map(({ AlarmName }) =>
      problem(
        `The actions of the alarm ${AlarmName} are disabled.`,
        `Enable them: aws cloudwatch enable-alarm-actions --alarm-names ${AlarmName}`,
      ),
    ),
  ];
  const findings = problems.length > 0 ? problems : [ok(`${plural(names.length, 'alarm')} found, none in ALARM state`)];
  return [...findings, await checkSubscribers(sns, alarms)];
}

async function readAlarms(client: CloudWatchClient, names: string[]): Promise<MetricAlarm[]> {
  const alarms: MetricAlarm[] = [];
  for (let start = 0; start < names.length; start += MAXIMUM_BATCH_SIZE) {
    const AlarmNames = names.slice(start, start + MAXIMUM_BATCH_SIZE);
    alarms.push(...((await client.send(new DescribeAlarmsCommand({ AlarmNames }))).MetricAlarms ?? []));
  }
  return alarms;
}

/** An email subscription is inactive until someone opens the link in the confirmation email. */
async function checkSubscribers(sns: SNSClient, alarms: MetricAlarm[]): Promise<Finding> {
  const topics = new Set(alarms.flatMap(({ AlarmActions = [] }) => AlarmActions).filter(isTopic));
  if (topics.size === 0) return skipped('Alarms notify nobody: deploy with --param alarmEmail=… to receive email');
  const subscriptions = [];
  for (const TopicArn of topics) {
    subscriptions.push(...((await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions ?? []));
  }
  const pending = subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn === 'PendingConfirmation');
  if (pending.length > 0) {
    return problem(
      `Alarm notifications have ${plural(pending.length, 'unconfirmed subscription')}.`,
      'Open the link in the email "AWS Notification - Subscription Confirmation".',
    );
  }
  if (subscriptions.length > 0) return ok(`Alarm notifications have ${plural(subscriptions.length, 'subscriber')}`);
  return problem(
    'Alarm notifications have no subscribers.',
    'Deploy again with --param alarmEmail=… to receive email.',
  );
}

function isTopic(arn: string): boolean {
  return arn.split(':')[2] === 'sns';
}
