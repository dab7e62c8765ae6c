import { type CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { ListSubscriptionsByTopicCommand, type SNSClient } from '@aws-sdk/client-sns';
import { type Finding, ok, problem, skipped } from './finding.ts';

const MAXIMUM_BATCH_SIZE = 100;

/** @param names of the alarms that the stack should have */
export async function checkAlarms(client: CloudWatchClient, sns: SNSClient, names: string[]): Promise<Finding[]> {
  const redeploy = 'Deploy again: npx serverless deploy.';
  if (names.length === 0) return [problem('The stack has no alarms: nobody would hear of a lost event.', redeploy)];
  const alarms = await readAlarms(client, names);
  const missing = names.filter((name) => !alarms.some(({ AlarmName }) => AlarmName === name));
  const ringing = alarms.filter(({ StateValue }) => StateValue === 'ALARM');
  const silenced = alarms.filter(({ ActionsEnabled }) => ActionsEnabled === false);
  const problems = [
    ...missing.map((name) => problem(`The alarm ${name} is gone.`, `Was it deleted by hand? ${redeploy}`)),
    ...ringing.map(({ AlarmName, StateReason = '' }) =>
      problem(`The alarm ${AlarmName} is ringing. ${StateReason}`.trim(), 'See docs/operating.md#alarms.'),
    ),
    ...silenced.map(({ AlarmName }) =>
      problem(
        `The alarm ${AlarmName} has its actions turned off.`,
        'Turn them on: aws cloudwatch enable-alarm-actions',
      ),
    ),
  ];
  const findings = problems.length > 0 ? problems : [ok(`${names.length} alarms are in place, and none is ringing`)];
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

/** A subscription by mail does nothing until the link in its first mail is followed. */
async function checkSubscribers(sns: SNSClient, alarms: MetricAlarm[]): Promise<Finding> {
  const topics = new Set(alarms.flatMap(({ AlarmActions = [] }) => AlarmActions).filter(isTopic));
  if (topics.size === 0) return skipped('The alarms notify nobody: deploy with --param alarmEmail=… to get mail');
  const subscriptions = [];
  for (const TopicArn of topics) {
    subscriptions.push(...((await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions ?? []));
  }
  const pending = subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn === 'PendingConfirmation');
  if (pending.length > 0) {
    return problem(
      `${pending.length} who should hear of alarms have not confirmed it.`,
      'Follow the link in the mail "AWS Notification - Subscription Confirmation".',
    );
  }
  if (subscriptions.length > 0) return ok(`${subscriptions.length} are notified of alarms`);
  return problem('Nobody is subscribed to the alarms.', 'Deploy again with --param alarmEmail=… to get mail.');
}

function isTopic(arn: string): boolean {
  return arn.split(':')[2] === 'sns';
}
