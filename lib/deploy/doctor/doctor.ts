import { styleText } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECSClient } from '@aws-sdk/client-ecs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StatusItem } from '../../app/app-status.ts';
import { type Environment, readWebhookSecrets } from '../../config.ts';
import { openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { countOnlineConnections } from '../../feishu/long-connection/online-connections.ts';
import { toEntry } from '../../util/printable.ts';
import { type AwsConfig, openSqs } from '../aws-clients.ts';
import { deployedParameter, readDeployedDomain } from '../deployed-parameters.ts';
import { type DeployedStack, readDeployedStack } from '../deployed-stack.ts';
import { requestUrlOf } from '../request-url.ts';
import { WEBHOOK_SECRETS } from '../secrets/secret-values.ts';
import { checkAlarms } from './alarms.ts';
import { describeApp } from './app.ts';
import { checkArrival, createSelfTest } from './arrival.ts';
import { checkConnection } from './connection.ts';
import { type Finding, ok, plural, problem, runCheck, skipped } from './finding.ts';
import { checkSecret, type SecretReport } from './secret.ts';
import { checkStates } from './states.ts';
import { checkForgery, checkUrlVerification, type DeployedWebhook, UnexpectedResponse } from './webhook.ts';

export interface DoctorOptions {
  config: AwsConfig;
  stackName: string;
  /** The secret's name in AWS Secrets Manager. */
  secretName: string;
  print: (line: string) => void;
  stage: string;
  /** Compares the app on the platform with what the handlers and the stack need. */
  compareApp: () => Promise<StatusItem[]>;
  /** Whether an event handler of the project needs the table of states. */
  usesState: () => Promise<boolean>;
  /** How long to wait until the worker has processed an event. */
  arrivalMilliseconds?: number;
}

const ARRIVAL_WITHIN_MILLISECONDS = 30_000;

/**
 * Checks a deployed stack from the secret to the worker, and prints the findings and the request URL for the developer
 * console.
 *
 * @returns whether there are no problems
 * @throws {DeploymentError} if the stack does not exist
 */
export async function checkDeployment(options: DoctorOptions): Promise<boolean> {
  const { config, stackName, print } = options;
  const stack = await readDeployedStack(new CloudFormationClient(config), stackName);
  const url = requestUrlOf(stack);
  let problems = 0;
  for await (const finding of runChecks(stack, url, options)) {
    if (finding.verdict === 'problem') problems += 1;
    for (const line of format(finding)) print(line);
  }
  print('');
  if (url !== undefined) print(`Request URL for the developer console (Events & Callbacks): ${url}`);
  print(problems === 0 ? 'No problems found.' : `${plural(problems, 'problem')} found.`);
  return problems === 0;
}

async function* runChecks(
  stack: DeployedStack,
  url: string | undefined,
  options: DoctorOptions,
): AsyncGenerator<Finding> {
  const { config, secretName } = options;
  const [cluster, service] = [stack.physicalId('ConnectionCluster'), stack.physicalId('ConnectionService')];
  let report: SecretReport | undefined;
  yield* await runCheck('The secret', async () => {
    const parts = { hasWebhook: url !== undefined, hasConnection: service !== undefined };
    report = await checkSecret(new SecretsManagerClient(config), secretName, parts);
    return report.findings;
  });
  yield* checkEventPath(stack, url, report?.values ?? {}, options);
  const stateTable = stack.physicalId('StateTable');
  yield* await runCheck('The table of states', () =>
    checkStates(new DynamoDBClient(config), stateTable, options.usesState),
  );
  yield* await runCheck('The dead-letter queue', () => checkDeadLetters(stack, openSqs(config)));
  const alarms = stack.physicalIdsOf('AWS::CloudWatch::Alarm');
  yield* await runCheck('The alarms', () => checkAlarms(new CloudWatchClient(config), new SNSClient(config), alarms));
  if (cluster === undefined || service === undefined) yield skipped('This stack has no long connection');
  else {
    const countOnline = onlineCounterOf(stack, report?.values ?? {});
    const check = () => checkConnection(new ECSClient(config), cluster, service, countOnline);
    yield* await runCheck('The long connection', check);
  }
  yield* await runCheck('The app', () => checkApp(stack, report?.values ?? {}, service !== undefined, options));
}

async function checkApp(
  stack: DeployedStack,
  { FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret }: Environment,
  hasConnection: boolean,
  { stage, compareApp }: DoctorOptions,
): Promise<Finding | Finding[]> {
  if (!appId || !appSecret) return skipped("The app was not compared: the secret lacks the app's credentials");
  if (deployedParameter(stack, 'appType') === 'store') {
    return skipped('The app was not compared: store apps are configured only in the developer console');
  }
  const items = await compareApp();
  // The check of the long connection has compared them with the running tasks.
  return describeApp(
    items.filter(({ part }) => part !== 'connections' || !hasConnection),
    stage,
  );
}

/** Checks the webhook, then sends an event through it to the worker. If the webhook fails, sends the event to the queue. */
async function* checkEventPath(
  stack: DeployedStack,
  url: string | undefined,
  values: NonNullable<SecretReport['values']>,
  { config, arrivalMilliseconds = ARRIVAL_WITHIN_MILLISECONDS }: DoctorOptions,
): AsyncGenerator<Finding> {
  const webhook = url === undefined ? undefined : webhookOf(url, values);
  const selfTest = () => createSelfTest(webhook?.secrets.verificationTokens[0], values.FEISHU_APP_ID);
  let isWebhookHealthy = false;
  if (url === undefined) yield skipped('This stack has no webhook: events arrive over the long connection');
  else if (webhook === undefined) yield skipped('The webhook was not checked: there is no secret to sign with');
  else {
    const findings = await runWebhookCheck(() => checkUrlVerification(webhook));
    isWebhookHealthy = findings.every(({ verdict }) => verdict !== 'problem');
    yield* findings;
    if (isWebhookHealthy) yield* await runWebhookCheck(() => checkForgery(webhook, selfTest()));
  }
  const [queueUrl, claimsTable] = [stack.physicalId('EventsQueue'), stack.physicalId('ClaimsTable')];
  if (queueUrl === undefined || claimsTable === undefined) {
    yield problem('The stack has no events queue or no idempotency table.', 'Deploy again: npx serverless deploy.');
    return;
  }
  const parts = {
    sqs: openSqs(config),
    dynamo: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    queueUrl,
    claimsTable,
    // Functions that the user adds may have other mappings.
    eventSourceMappingId: stack.physicalId('WorkerEventSourceMappingSQSEventsQueue'),
    webhook: isWebhookHealthy ? webhook : undefined,
    waitMilliseconds: arrivalMilliseconds,
  };
  yield* await runWebhookCheck(() => checkArrival(parts, selfTest()));
}

function runWebhookCheck(check: () => Promise<Finding>): Promise<Finding[]> {
  return runCheck('Event delivery', async () => {
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
    `The dead-letter queue contains ${plural(waiting + hidden, 'event')}.`,
    'Find the reasons with npx serverless dlq list, fix them, then run npx serverless dlq redrive.',
  );
}

/** Returns `undefined` if the secret does not contain the app's credentials. */
function onlineCounterOf(stack: DeployedStack, values: Environment): (() => Promise<number>) | undefined {
  const { FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret } = values;
  if (!appId || !appSecret) return undefined;
  return () => countOnlineConnections(readDeployedDomain(stack), appId, appSecret);
}

/** Returns `undefined` if there is no secret to sign with. */
function webhookOf(url: string, values: NonNullable<SecretReport['values']>): DeployedWebhook | undefined {
  if (WEBHOOK_SECRETS.every((name) => !values[name])) return undefined;
  return { url, secrets: readWebhookSecrets(values) };
}

const MARKS = {
  ok: styleText('green', '✓'),
  problem: styleText('red', '✗'),
  note: styleText('yellow', '!'),
  skipped: styleText('dim', '–'),
} as const;

function format({ verdict, text, advice }: Finding): string[] {
  const line = `${MARKS[verdict]} ${toEntry(text)}`;
  return advice === undefined ? [line] : [line, `  ${toEntry(advice)}`];
}
