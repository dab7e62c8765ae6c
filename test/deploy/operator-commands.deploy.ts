import { stripVTControlCharacters } from 'node:util';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackResourcesCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DeleteAlarmsCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSqs } from '../../lib/deploy/aws-clients.ts';
import { checkDeployment } from '../../lib/deploy/doctor/doctor.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { wait } from '../support/wait.ts';
import { type FunctionsOptions, type RunningFunctions, startFunctions } from './running-functions.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { ROOT, run } from './tools.ts';

// Runs the operator's commands against small stacks, healthy and broken, with the functions in this process.

const SECRETS = {
  FEISHU_APP_ID: 'cli_a1b2c3d4e5f6g7h8',
  FEISHU_APP_SECRET: 'secret of the app',
  FEISHU_ENCRYPT_KEY: 'key of the app',
  FEISHU_VERIFICATION_TOKEN: 'token of the app',
};

let ministack: Ministack;
let platform: MockAppConfiguration;
const savedEnvironment = process.env;
const running: RunningFunctions[] = [];
let stacks = 0;

beforeAll(async () => {
  [ministack, platform] = await Promise.all([startMinistack(), MockAppConfiguration.start()]);
  platform.appId = SECRETS.FEISHU_APP_ID;
  platform.appSecret = SECRETS.FEISHU_APP_SECRET;
  process.env = { ...process.env, ...ministack.environment };
});

afterEach(async () => {
  for (const { stop } of running.splice(0)) await stop();
});

afterAll(async () => {
  process.env = savedEnvironment;
  await Promise.all([ministack.stop(), platform[Symbol.asyncDispose]()]);
});

interface Deployment {
  stage: string;
  url: string;
  handled: object[];
  physicalIds: Record<string, string>;
}

interface DeploymentOptions {
  secret?: string | undefined;
  hasWebhook?: boolean;
  hasConnection?: boolean;
  functions?: Pick<FunctionsOptions, 'isWorking' | 'onBatch'>;
}

describe('serverless doctor stack', () => {
  test('finds no problems in a healthy stack, and prints the request URL', async () => {
    const { stage, url, handled } = await deploy();
    configureApp(url);
    const { code, output } = await serverless(['doctor', 'stack', '--stage', stage]);
    expect(output).toContain(`Request URL for the developer console (Events & Callbacks): ${url}`);
    expect(output.filter((line) => line.startsWith('✓'))).toEqual([
      `✓ The secret feishu-events/${stage} is complete`,
      expect.stringMatching(/^✓ URL verification succeeded in /),
      '✓ The webhook rejects a forged event',
      expect.stringMatching(/^✓ The worker processed a signed event sent to the webhook in /),
      '✓ The dead-letter queue is empty',
      '✓ 1 alarm found, none in ALARM state',
      '✓ Alarm notifications have 1 subscriber',
      '✓ The App ID and the App Secret are valid',
      '✓ The app is the bot Echo',
      '✓ All scopes are granted',
      '✓ The app subscribes to im.message.receive_v1',
      '✓ The app subscribes to card.action.trigger',
      `✓ Events go to ${url}`,
      `✓ Callbacks go to ${url}`,
      '✓ Open long connections: 0',
      '✓ A version is published',
    ]);
    expect(output).toContain('– No event handler uses states or turns');
    expect(output).toContain('No problems found.');
    expect(code).toBe(0);
    expect(handled).toEqual([]);
  });

  test('compares the app on the platform, and names the commands that fix it', async () => {
    const { stage, url } = await deploy();
    configureApp(url);
    Object.assign(platform.app, {
      event: { subscription_type: 'websocket', subscribed_events: ['im.chat.disbanded_v1'] },
      online_version_id: '',
    });
    platform.connections = 1;
    const { code, output } = await serverless(['doctor', 'stack', '--stage', stage]);
    platform.connections = 0;
    const apply = `  To fix it: npx serverless app apply --stage ${stage}`;
    const start = output.indexOf('✗ Not subscribed: im.message.receive_v1.');
    expect(output.slice(start, output.indexOf('5 problems found.') - 1)).toEqual([
      '✗ Not subscribed: im.message.receive_v1.',
      apply,
      '! No handler needs the event im.chat.disbanded_v1.',
      `  To unsubscribe: npx serverless app apply --prune --stage ${stage}`,
      '✓ The app subscribes to card.action.trigger',
      `✗ Events go over the long connection, not to ${url}.`,
      apply,
      `✓ Callbacks go to ${url}`,
      expect.stringMatching(/^✗ 1 long connection is open, but the stack has 0/),
      expect.stringContaining('Stop the other program'),
      '✗ No version is published.',
      apply,
    ]);
    expect(code).toBe(1);
  });

  test('exits with 1 if there is a problem, and prints no secret', async () => {
    const { stage } = await deploy({ secret: JSON.stringify({ ...SECRETS, FEISHU_APP_SECRET: ' secret of the app' }) });
    const { code, output } = await serverless(['doctor', 'stack', '--stage', stage]);
    expect(output).toContainEqual(expect.stringMatching(/^✗ .*FEISHU_APP_SECRET starts or ends with whitespace/));
    expect(output).toContainEqual(expect.stringMatching(/^✗ .*The App Secret is wrong/));
    expect(output).toContain('2 problems found.');
    expect(code).toBe(1);
    for (const secret of Object.values(SECRETS)) expect(output.join('\n')).not.toContain(secret);
  });

  test('rejects a stack that does not exist', async () => {
    const { code, output } = await serverless(['doctor', 'stack', '--stage', 'nowhere']);
    expect(output).toContainEqual(
      expect.stringMatching(/^The stack feishu-events-nowhere does not exist in us-east-1\. Deploy it first/),
    );
    expect(code).toBe(1);
  });

  test('reports a missing secret, and still checks the queue and the worker', async () => {
    const { lines } = await runDoctor(await deploy({ secret: undefined }));
    expect(lines).toContainEqual(expect.stringMatching(/^✗ The secret feishu-events\/.* is missing/));
    expect(lines).toContainEqual(expect.stringMatching(/^– The webhook was not checked/));
    expect(lines).toContainEqual(expect.stringMatching(/^✓ The worker processed an event sent to the queue/));
  });

  test('reports an unreachable URL', async () => {
    const deployment = await deploy();
    await running.splice(0)[0]?.stop();
    const { lines } = await runDoctor(deployment);
    expect(lines).toContainEqual(expect.stringMatching(/^✗ The webhook does not respond/));
  });

  test('reports a worker that receives nothing', async () => {
    const { lines } = await runDoctor(await deploy({ functions: { isWorking: false } }));
    expect(lines).toContainEqual(expect.stringMatching(/^✗ The worker did not process a signed event/));
  });

  test('reports dead letters', async () => {
    const deployment = await deploy();
    await sendDeadLetter(deployment);
    const { lines } = await runDoctor(deployment);
    expect(lines).toContainEqual('✗ The dead-letter queue contains 1 event.');
  });

  test('reports an alarm in ALARM state', async () => {
    const deployment = await deploy();
    const alarm = {
      AlarmName: deployment.physicalIds.Alarm as string,
      StateValue: 'ALARM',
      StateReason: 'dead',
    } as const;
    await new CloudWatchClient().send(new SetAlarmStateCommand(alarm));
    const { lines } = await runDoctor(deployment);
    expect(lines).toContainEqual(expect.stringMatching(/^✗ The alarm .* is in ALARM state\. dead/));
  });

  test('reports an alarm that was deleted manually', async () => {
    const deployment = await deploy();
    const Alarm = deployment.physicalIds.Alarm as string;
    await new CloudWatchClient().send(new DeleteAlarmsCommand({ AlarmNames: [Alarm] }));
    const { lines } = await runDoctor(deployment);
    expect(lines).toContainEqual(`✗ The alarm ${Alarm} does not exist.`);
  });

  test('reports a long connection that is turned off', async () => {
    const deployment = await deploy({ hasConnection: true });
    const { ConnectionCluster: cluster, ConnectionService: service } = deployment.physicalIds;
    await new ECSClient().send(new UpdateServiceCommand({ cluster, service, desiredCount: 0 }));
    const { lines } = await runDoctor(deployment);
    expect(lines).toContainEqual(expect.stringMatching(/^✗ The long connection is turned off/));
  });

  test('checks a stack without a webhook from the queue, and requires no key', async () => {
    const { FEISHU_APP_ID, FEISHU_APP_SECRET } = SECRETS;
    const secret = JSON.stringify({ FEISHU_APP_ID, FEISHU_APP_SECRET });
    const { isHealthy, lines } = await runDoctor(await deploy({ secret, hasWebhook: false }));
    expect(lines).toContainEqual(expect.stringMatching(/^– This stack has no webhook/));
    expect(lines).toContainEqual(expect.stringMatching(/^✓ The worker processed an event sent to the queue/));
    expect(lines.join('\n')).not.toContain('Request URL');
    expect(isHealthy).toBe(true);
  });
});

describe('serverless dlq', () => {
  test('lists, shows, redrives and drops', async () => {
    const deployment = await deploy();
    const { stage, handled } = deployment;
    const dlq = (...args: string[]) => serverless(['dlq', ...args, '--stage', stage]);
    expect(await dlq('list')).toEqual({ code: 0, output: ['No dead letters.'] });

    const id = await sendDeadLetter(deployment);
    expect((await dlq('list')).output).toContainEqual(expect.stringMatching(`^${id} {2}a\\.dead_v1 `));
    expect((await dlq('show', '--id', id)).output).toContain('  "schema": "2.0",');
    expect(await dlq('drop')).toMatchObject({
      code: 1,
      output: expect.arrayContaining([expect.stringContaining('--yes')]),
    });
    expect(await dlq('redrive', '--type', 'another')).toEqual({
      code: 0,
      output: ['0 moved back to the events queue.'],
    });
    expect(await dlq('redrive')).toEqual({ code: 0, output: ['1 moved back to the events queue.'] });
    await expect.poll(() => handled, wait).toHaveLength(1);

    await sendDeadLetter(deployment);
    expect((await dlq('drop', '--yes', '--max', '5')).output).toContain('1 deleted.');
    expect((await dlq('list')).output).toEqual(['No dead letters.']);
    expect(await dlq('list', '--max', 'many')).toMatchObject({ code: 1 });
  });
});

/** Configures the app as the handlers of this project and a stack with this URL need it. */
function configureApp(url: string): void {
  platform.granted = ['im:message.group_at_msg:readonly', 'im:message.p2p_msg:readonly', 'im:message:send_as_bot'];
  const delivery = { request_url: url };
  platform.app = {
    event: { ...delivery, subscription_type: 'webhook', subscribed_events: ['im.message.receive_v1'] },
    callback: { ...delivery, callback_type: 'webhook', subscribed_callbacks: ['card.action.trigger'] },
    online_version_id: 'oav_1',
  };
}

async function deploy(options: DeploymentOptions = {}): Promise<Deployment> {
  const { hasWebhook = true, hasConnection = false, functions } = options;
  stacks += 1;
  const stage = `s${stacks}`;
  const secret = 'secret' in options ? options.secret : JSON.stringify(SECRETS);
  if (secret !== undefined) {
    const create = new CreateSecretCommand({ Name: `feishu-events/${stage}`, SecretString: secret });
    await new SecretsManagerClient().send(create);
  }
  const queueUrl = `${ministack.endpoint}/000000000000/events-${stage}`;
  const running = await startRunning(stage, queueUrl, functions);
  const client = new CloudFormationClient();
  const StackName = `feishu-events-${stage}`;
  const template = {
    Resources: { ...coreResources(stage), ...(hasConnection && connectionResources(stage)) },
    Outputs: {
      DeploymentParameters: { Value: JSON.stringify({ domain: platform.origin }) },
      ...(hasWebhook && { HttpApiUrl: { Value: running.origin } }),
    },
  };
  await client.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(template) }));
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName }));
  const physicalIds = Object.fromEntries(
    StackResources.map(({ LogicalResourceId, PhysicalResourceId }) => [
      LogicalResourceId,
      PhysicalResourceId as string,
    ]),
  );
  return { stage, url: running.url, handled: running.handled, physicalIds };
}

async function startRunning(stage: string, queueUrl: string, functions: DeploymentOptions['functions']) {
  const environment = { ...SECRETS, QUEUE_URL: queueUrl, CLAIMS_TABLE: `claims-${stage}`, LOG_LEVEL: 'ERROR' };
  const queueArn = `arn:aws:sqs:us-east-1:000000000000:events-${stage}`;
  const started = await startFunctions({ sqs: openSqs({}), queueUrl, queueArn, environment, ...functions });
  running.push(started);
  return started;
}

function coreResources(stage: string) {
  return {
    EventsQueue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `events-${stage}` } },
    DeadLetterQueue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `dead-${stage}` } },
    LargeEventsBucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: `large-${stage}` } },
    ClaimsTable: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        TableName: `claims-${stage}`,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      },
    },
    Topic: {
      Type: 'AWS::SNS::Topic',
      Properties: { Subscription: [{ Protocol: 'email', Endpoint: 'someone@example.com' }] },
    },
    Alarm: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmName: `dead-letters-${stage}`,
        AlarmActions: [{ Ref: 'Topic' }],
        Namespace: 'AWS/SQS',
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Statistic: 'Maximum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
    },
  };
}

function connectionResources(stage: string) {
  return {
    ConnectionCluster: { Type: 'AWS::ECS::Cluster', Properties: { ClusterName: `connection-${stage}` } },
    ConnectionTask: {
      Type: 'AWS::ECS::TaskDefinition',
      Properties: { Family: stage, ContainerDefinitions: [{ Name: 'connection', Image: 'node', Memory: 128 }] },
    },
    ConnectionService: {
      Type: 'AWS::ECS::Service',
      Properties: { Cluster: { Ref: 'ConnectionCluster' }, TaskDefinition: { Ref: 'ConnectionTask' }, DesiredCount: 1 },
    },
  };
}

/** Returns the message id. */
async function sendDeadLetter({ physicalIds }: Deployment): Promise<string> {
  const text = '{"schema":"2.0","header":{"event_id":"e-1","event_type":"a.dead_v1","app_id":"cli_1"},"event":{}}';
  const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
  const { MessageId = '' } = await openSqs({}).send(
    new SendMessageCommand({
      QueueUrl: physicalIds.DeadLetterQueue as string,
      MessageBody: text,
      MessageAttributes: { source: attribute('webhook'), receivedAt: attribute(new Date().toISOString()) },
    }),
  );
  return MessageId;
}

async function runDoctor({ stage }: Deployment): Promise<{ isHealthy: boolean; lines: string[] }> {
  const lines: string[] = [];
  const isHealthy = await checkDeployment({
    config: {},
    stackName: `feishu-events-${stage}`,
    secretName: `feishu-events/${stage}`,
    stage,
    compareApp: async () => [],
    usesState: async () => false,
    print: (line) => lines.push(stripVTControlCharacters(line)),
    arrivalMilliseconds: 2000,
  });
  return { isHealthy, lines };
}

/** Runs `npx serverless`, with output to a pipe. */
async function serverless(args: string[]): Promise<{ code: number; output: string[] }> {
  const { code = 0, stdout, stderr } = await run('npx', ['serverless', ...args], { cwd: ROOT }).catch((error) => error);
  const lines = stripVTControlCharacters(`${stdout}${stderr}`).split('\n');
  return { code, output: lines.filter((line) => line.trim() !== '' && !line.startsWith('npm warn')) };
}
