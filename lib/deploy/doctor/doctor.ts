import { styleText } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECSClient } from '@aws-sdk/client-ecs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { readWebhookSecrets } from '../../config.ts';
import { openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { toEntry } from '../../util/printable.ts';
import { WEBHOOK_PATH } from '../../webhook/path.ts';
import { type AwsConfig, openSqs } from '../aws-clients.ts';
import { type DeployedStack, readDeployedStack } from '../deployed-stack.ts';
import { checkAlarms } from './alarms.ts';
import { checkArrival, createSelfTest } from './arrival.ts';
import { checkConnection } from './connection.ts';
import { examine, type Finding, ok, problem, skipped } from './finding.ts';
import { checkSecret, type SecretReport } from './secret.ts';
import { checkChallenge, checkForgery, type DeployedWebhook, UnexpectedResponse } from './webhook.ts';

export interface DoctorOptions {
  config: AwsConfig;
  stackName: string;
  /** In AWS Secrets Manager. */
  secretName: string;
  print: (line: string) => void;
  /** How long to wait for an event to reach the worker. */
  arrivalMilliseconds?: number;
}

const ARRIVAL_WITHIN_MILLISECONDS = 30_000;

/**
 * Walks the deployed chain, and prints what it finds and the URL to give to the platform.
 *
 * @returns whether nothing is wrong
 * @throws {DeploymentError} when there is no such stack
 */
export async function examineDeployment(options: DoctorOptions): Promise<boolean> {
  const { config, stackName, print } = options;
  const stack = await readDeployedStack(new CloudFormationClient(config), stackName);
  const url = requestUrlOf(stack);
  let problems = 0;
  for await (const finding of findAll(stack, url, options)) {
    if (finding.verdict === 'problem') problems += 1;
    for (const line of format(finding)) print(line);
  }
  print('');
  if (url !== undefined) print(`Request URL for the developer console (Events & Callbacks): ${url}`);
  print(problems === 0 ? 'All is well.' : `${problems} to be mended.`);
  return problems === 0;
}

async function* findAll(
  stack: DeployedStack,
  url: string | undefined,
  options: DoctorOptions,
): AsyncGenerator<Finding> {
  const { config, secretName } = options;
  const [cluster, service] = [stack.physicalId('ConnectionCluster'), stack.physicalId('ConnectionService')];
  let report: SecretReport | undefined;
  yield* await examine('The secret', async () => {
    const parts = { hasWebhook: url !== undefined, hasConnection: service !== undefined };
    report = await checkSecret(new SecretsManagerClient(config), secretName, parts);
    return report.findings;
  });
  yield* examineWay(stack, url, report?.values ?? {}, options);
  yield* await examine('The dead-letter queue', () => checkDeadLetters(stack, openSqs(config)));
  const alarms = stack.physicalIdsOf('AWS::CloudWatch::Alarm');
  yield* await examine('The alarms', () => checkAlarms(new CloudWatchClient(config), new SNSClient(config), alarms));
  if (cluster === undefined || service === undefined) yield skipped('This stack has no long connection');
  else yield* await examine('The connection', () => checkConnection(new ECSClient(config), cluster, service));
}

/** The way of an event: by the URL, where that answers, and in any case from the queue to the worker. */
async function* examineWay(
  stack: DeployedStack,
  url: string | undefined,
  values: NonNullable<SecretReport['values']>,
  { config, arrivalMilliseconds = ARRIVAL_WITHIN_MILLISECONDS }: DoctorOptions,
): AsyncGenerator<Finding> {
  const webhook = url === undefined ? undefined : webhookOf(url, values);
  const selfTest = () => createSelfTest(webhook?.secrets.verificationTokens[0], values.FEISHU_APP_ID);
  let answers = false;
  if (url === undefined) yield skipped('This stack has no webhook: events come by the long connection');
  else if (webhook === undefined) yield skipped('The URL is not tried, for lack of a secret to sign with');
  else {
    const findings = await examineAnswers(() => checkChallenge(webhook));
    answers = findings.every(({ verdict }) => verdict !== 'problem');
    yield* findings;
    if (answers) yield* await examineAnswers(() => checkForgery(webhook, selfTest()));
  }
  const [queueUrl, claimsTable] = [stack.physicalId('EventsQueue'), stack.physicalId('ClaimsTable')];
  if (queueUrl === undefined || claimsTable === undefined) {
    yield problem('The stack lacks the events queue or the claims table.', 'Deploy again: npx serverless deploy.');
    return;
  }
  const parts = {
    sqs: openSqs(config),
    dynamo: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    queueUrl,
    claimsTable,
    eventSourceMappingId: stack.physicalIdsOf('AWS::Lambda::EventSourceMapping')[0],
    webhook: answers ? webhook : undefined,
    waitMilliseconds: arrivalMilliseconds,
  };
  yield* await examineAnswers(() => checkArrival(parts, selfTest()));
}

function examineAnswers(check: () => Promise<Finding>): Promise<Finding[]> {
  return examine('The way of an event', async () => {
    try {
      return await check();
    } catch (error) {
      if (error instanceof UnexpectedResponse) return error.finding;
      throw error;
    }
  });
}

async function checkDeadLetters(stack: DeployedStack, sqs: SQSClient): Promise<Finding> {
  const queueUrl = stack.physicalId('DeadLetterQueue');
  if (queueUrl === undefined) return problem('The stack has no dead-letter queue.', 'Deploy again.');
  const { waiting, hidden } = await openDeadLetterQueue(sqs, queueUrl).count();
  if (waiting + hidden === 0) return ok('The dead-letter queue is empty');
  return problem(
    `${waiting + hidden} events are in the dead-letter queue.`,
    'See why (npx serverless dlq list), mend it, and send them again (npx serverless dlq redrive).',
  );
}

function requestUrlOf(stack: DeployedStack): string | undefined {
  const origin = stack.output('HttpApiUrl');
  return origin === undefined ? undefined : `${origin.replace(/\/$/, '')}${WEBHOOK_PATH}`;
}

/** @returns `undefined` when there is no secret to sign with */
function webhookOf(url: string, values: NonNullable<SecretReport['values']>): DeployedWebhook | undefined {
  if (!values.FEISHU_ENCRYPT_KEY && !values.FEISHU_VERIFICATION_TOKEN) return undefined;
  return { url, secrets: readWebhookSecrets(values) };
}

const MARKS = {
  ok: styleText('green', '✓'),
  problem: styleText('red', '✗'),
  skipped: styleText('dim', '–'),
} as const;

function format({ verdict, text, advice }: Finding): string[] {
  const line = `${MARKS[verdict]} ${toEntry(text)}`;
  return advice === undefined ? [line] : [line, `  ${toEntry(advice)}`];
}
