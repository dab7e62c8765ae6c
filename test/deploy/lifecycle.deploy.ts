import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';
import { runOrThrow } from './support/run.ts';
import { SECRETS } from './support/secrets.ts';

// ministack's CloudFormation ignores a table's time to live and point-in-time recovery, and a container's secrets and health
// check. The tests check these in the template.

let ministack: Ministack;
let project: Project;
/** All output of the framework so far. */
let allOutput = '';

const serverless = async (...args: string[]) => {
  const result = await project.serverless(...args);
  allOutput += result.output;
  return result;
};
const succeed = async (...args: string[]) => {
  const { code, output } = await serverless(...args);
  expect(code, output).toBe(0);
  return output;
};

beforeAll(async () => {
  ministack = await startMinistack();
  project = await createProject(ministack.environment);
});
afterAll(async () => {
  await ministack.stop();
  await project.remove();
});

const queueAttributes = async (name: string) => {
  const { QueueUrl } = await ministack.aws('sqs', 'get-queue-url', '--queue-name', name);
  return (await ministack.aws('sqs', 'get-queue-attributes', '--queue-url', QueueUrl, '--attribute-names', 'All'))
    .Attributes;
};
const functionConfiguration = (name: string) =>
  ministack.aws('lambda', 'get-function-configuration', '--function-name', name);
const deployedTemplate = async (stage: string) =>
  (await ministack.aws('cloudformation', 'get-template', '--stack-name', `feishu-events-${stage}`)).TemplateBody;
const secretVersion = async (name: string): Promise<string> =>
  (await ministack.aws('secretsmanager', 'get-secret-value', '--secret-id', name)).VersionId;

/** Reads the actions and resources of a role's only inline policy. */
const statementsOf = async (logicalName: string) => {
  const { Roles } = await ministack.aws('iam', 'list-roles');
  const { RoleName } = Roles.find(({ RoleName }: { RoleName: string }) => RoleName.includes(logicalName));
  const role = ['--role-name', RoleName];
  const { PolicyNames } = await ministack.aws('iam', 'list-role-policies', ...role);
  expect(PolicyNames).toHaveLength(1);
  const { PolicyDocument } = await ministack.aws('iam', 'get-role-policy', ...role, '--policy-name', PolicyNames[0]);
  return PolicyDocument.Statement.map((statement: { Action: string | string[]; Resource: string }) => [
    [statement.Action].flat().sort().join(' '),
    statement.Resource,
  ]);
};

/** The alarms of a stack with a webhook and without a long connection. */
const ALARMS = [
  'dead-letter-added',
  'dead-letters',
  'old-events',
  'rejected-requests',
  'set-aside-events',
  'slow-acknowledge',
  'throttled-requests',
  'webhook-errors',
  'webhook-throttles',
  'worker-errors',
  'worker-throttles',
];

describe('deploy without secrets', () => {
  test('explains what to do, and creates nothing', async () => {
    const { code, output } = await serverless('deploy');
    expect(code).toBe(1);
    expect(output).toContain(
      "The app's secrets are not in AWS yet, and .env contains none of them. The webhook needs FEISHU_",
    );
    expect((await ministack.aws('secretsmanager', 'list-secrets')).SecretList).toEqual([]);
    expect((await ministack.aws('cloudformation', 'list-stacks')).StackSummaries).toEqual([]);
  });

  test('rejects the random secrets that npm start writes', async () => {
    await project.writeEnvironment({ FEISHU_ENCRYPT_KEY: 'local-1234', FEISHU_VERIFICATION_TOKEN: 'local-5678' });
    for (const command of ['deploy', 'secrets']) {
      const { code, output } = await serverless(command);
      expect(code).toBe(1);
      expect(output).toContain(
        '.env contains random values from npm start, for local use only: FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN',
      );
    }
    expect((await ministack.aws('secretsmanager', 'list-secrets')).SecretList).toEqual([]);
  });
});

describe('the first deployment', () => {
  test('creates the secret from .env, and prints its names', async () => {
    await project.writeEnvironment(SECRETS);
    const output = await succeed('deploy');
    expect(output).toContain(
      'Creating the secret feishu-events/dev from .env and the environment, with ' +
        'FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN.',
    );
    const { SecretString } = await ministack.aws(
      'secretsmanager',
      'get-secret-value',
      '--secret-id',
      'feishu-events/dev',
    );
    expect(JSON.parse(SecretString)).toEqual(SECRETS);
  });

  test('creates the queues', async () => {
    const [events, dead] = [
      await queueAttributes('feishu-events-dev-events'),
      await queueAttributes('feishu-events-dev-dead'),
    ];
    expect(events).toMatchObject({ VisibilityTimeout: '360', SqsManagedSseEnabled: 'true' });
    expect(JSON.parse(events.RedrivePolicy)).toEqual({ deadLetterTargetArn: dead.QueueArn, maxReceiveCount: 25 });
    expect(dead).toMatchObject({ MessageRetentionPeriod: `${14 * 24 * 3600}`, SqsManagedSseEnabled: 'true' });
    for (const { Policy } of [events, dead]) {
      expect(JSON.parse(Policy)).toMatchObject({
        Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
      });
    }
  });

  test('creates the idempotency table', async () => {
    const { CLAIMS_TABLE } = (await functionConfiguration('feishu-events-dev-worker')).Environment.Variables;
    const { Table } = await ministack.aws('dynamodb', 'describe-table', '--table-name', CLAIMS_TABLE);
    expect(Table).toMatchObject({
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    });
    const { Resources } = await deployedTemplate('dev');
    expect(Resources.ClaimsTable.Properties).toMatchObject({
      TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  test('creates the bucket of large events, which is private, encrypted, and deletes them', async () => {
    const { Resources } = await deployedTemplate('dev');
    expect(Resources.LargeEventsBucket.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', Prefix: 'events/', ExpirationInDays: 30 }] },
    });
    expect(Object.values(Resources.LargeEventsBucket.Properties.PublicAccessBlockConfiguration)).toEqual(
      Array(4).fill(true),
    );
    expect(Resources.LargeEventsBucketPolicy.Properties.PolicyDocument).toMatchObject({
      Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
    });
  });

  test('creates the functions with their secrets, to whose version the template refers', async () => {
    const QUEUE_URL = expect.stringMatching(/\/feishu-events-dev-events$/);
    const common = { QUEUE_URL, LOG_LEVEL: 'INFO', POWERTOOLS_SERVICE_NAME: 'feishu-events-dev' };
    const { FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, FEISHU_APP_ID, FEISHU_APP_SECRET } = SECRETS;
    const webhook = await functionConfiguration('feishu-events-dev-webhook');
    expect(webhook).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], MemorySize: 512, Timeout: 10 });
    const LARGE_EVENTS_BUCKET = expect.stringMatching(/^feishu-events-dev-largeevents/);
    expect(webhook.Environment.Variables).toEqual({
      ...common,
      DEAD_LETTER_QUEUE_URL: expect.stringMatching(/\/feishu-events-dev-dead$/),
      LARGE_EVENTS_BUCKET,
      QUEUE_ORDERING: 'none',
      FEISHU_ENCRYPT_KEY,
      FEISHU_VERIFICATION_TOKEN,
    });
    const worker = await functionConfiguration('feishu-events-dev-worker');
    expect(worker).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], MemorySize: 512, Timeout: 60 });
    expect(worker.Environment.Variables).toEqual({
      ...common,
      LARGE_EVENTS_BUCKET,
      CLAIMS_TABLE: expect.stringMatching(/ClaimsTable/),
      FEISHU_APP_ID,
      FEISHU_APP_SECRET,
      FEISHU_APP_TYPE: 'self',
      FEISHU_DOMAIN: 'https://open.feishu.cn',
      LIMIT_CALL_RATE: 'false',
    });
    const version = await secretVersion('feishu-events/dev');
    const { Resources } = await deployedTemplate('dev');
    expect(Resources.WebhookLambdaFunction.Properties.Environment.Variables.FEISHU_ENCRYPT_KEY).toBe(
      `{{resolve:secretsmanager:feishu-events/dev:SecretString:FEISHU_ENCRYPT_KEY::${version}}}`,
    );
  });

  test('creates a role for each function, with the permissions its code needs', async () => {
    const { CLAIMS_TABLE } = (await functionConfiguration('feishu-events-dev-worker')).Environment.Variables;
    const { QueueArn } = await queueAttributes('feishu-events-dev-events');
    const { QueueArn: deadLetterQueueArn } = await queueAttributes('feishu-events-dev-dead');
    const largeEvents = expect.stringMatching(/^arn:aws:s3:::feishu-events-dev-largeevents[^/]*\/events\/\*$/);
    const logsOf = (name: string) => [
      'logs:CreateLogStream logs:PutLogEvents',
      expect.stringContaining(`:log-group:/aws/lambda/feishu-events-dev-${name}`),
    ];
    expect(await statementsOf('WebhookRole')).toEqual([
      logsOf('webhook'),
      ['sqs:SendMessage', QueueArn],
      ['sqs:SendMessage', deadLetterQueueArn],
      ['s3:PutObject', largeEvents],
    ]);
    expect(await statementsOf('WorkerRole')).toEqual([
      logsOf('worker'),
      ['sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage', QueueArn],
      ['s3:GetObject', largeEvents],
      [
        'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
        expect.stringMatching(`:table/${CLAIMS_TABLE}$`),
      ],
    ]);
    expect((await ministack.aws('iam', 'list-roles')).Roles).toHaveLength(2);
  });

  test('maps the queue to the worker', async () => {
    const { EventSourceMappings } = await ministack.aws('lambda', 'list-event-source-mappings');
    const { QueueArn } = await queueAttributes('feishu-events-dev-events');
    expect(EventSourceMappings).toHaveLength(1);
    expect(EventSourceMappings[0]).toMatchObject({
      EventSourceArn: QueueArn,
      FunctionArn: expect.stringContaining('feishu-events-dev-worker'),
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  test('limits log retention', async () => {
    const { logGroups } = await ministack.aws('logs', 'describe-log-groups');
    expect(
      logGroups.map((group: object) => Object.values(group).filter((value) => `${value}`.startsWith('/'))),
    ).toEqual([
      ['/aws/http-api/feishu-events-dev'],
      ['/aws/lambda/feishu-events-dev-webhook'],
      ['/aws/lambda/feishu-events-dev-worker'],
    ]);
    for (const group of logGroups) expect(group.retentionInDays).toBe(30);
  });

  test('creates alarms without notifications', async () => {
    const { MetricAlarms } = await ministack.aws('cloudwatch', 'describe-alarms');
    expect(MetricAlarms.map(({ AlarmName }: { AlarmName: string }) => AlarmName).sort()).toEqual(
      ALARMS.map((name) => `feishu-events-dev-${name}`),
    );
    for (const { AlarmActions, OKActions } of MetricAlarms) expect([AlarmActions, OKActions]).toEqual([[], []]);
    expect((await ministack.aws('sns', 'list-topics')).Topics).toEqual([]);
  });

  test('creates a dashboard with existing metrics', async () => {
    const { Resources } = await deployedTemplate('dev');
    const { widgets } = JSON.parse(Resources.Dashboard.Properties.DashboardBody['Fn::Sub']);
    const metrics = widgets.flatMap(({ properties }: { properties: { metrics: string[][] } }) => properties.metrics);
    const names = metrics
      .filter(([namespace]: string[]) => namespace === 'feishu-events')
      .map(([, name]: string[]) => name);
    // The metrics of lib/webhook/access-log.ts, lib/intake/set-aside.ts, lib/worker/telemetry.ts and the filter of the access log.
    const workerMetrics = [
      ...['Handled', 'Answered', 'Dropped', 'Duplicate', 'Unhandled', 'Retried', 'Continued', 'RateLimited', 'Dead'],
      ...['QueueAge', 'HandleTime'],
    ];
    expect(new Set(names)).toEqual(
      new Set(['Accepted', 'Refused', 'UrlVerified', 'SetAside', 'AcknowledgeTime', 'Throttled', ...workerMetrics]),
    );
  });
});

describe('later commands', () => {
  test('deploy does nothing if nothing has changed', async () => {
    expect(await succeed('deploy')).toContain('No changes to deploy.');
  });

  test('info prints the stack', async () => {
    expect(await succeed('info')).toContain('stack: feishu-events-dev');
  });

  test('secrets does nothing if nothing has changed', async () => {
    const before = await secretVersion('feishu-events/dev');
    expect(await succeed('secrets')).toContain('The secret feishu-events/dev is unchanged');
    expect(await secretVersion('feishu-events/dev')).toBe(before);
  });

  test('deploy applies changed and removed secrets', async () => {
    const before = await secretVersion('feishu-events/dev');
    const changed = { FEISHU_ENCRYPT_KEY: 'other-key-of-the-test', FEISHU_VERIFICATION_TOKEN: '' };
    await project.writeEnvironment(changed);
    expect(await succeed('secrets')).toContain(
      'Updated the secret feishu-events/dev: changed FEISHU_ENCRYPT_KEY; removed FEISHU_VERIFICATION_TOKEN.',
    );
    const after = await secretVersion('feishu-events/dev');
    expect(after).not.toBe(before);
    await succeed('deploy');
    const { FEISHU_ENCRYPT_KEY, ...rest } = (await functionConfiguration('feishu-events-dev-webhook')).Environment
      .Variables;
    expect(FEISHU_ENCRYPT_KEY).toBe(changed.FEISHU_ENCRYPT_KEY);
    expect(rest).not.toHaveProperty('FEISHU_VERIFICATION_TOKEN');
  });
});

describe('with ordering=conversation', () => {
  test('the queues are FIFO, and the worker receives one message at a time', async () => {
    await project.writeEnvironment(SECRETS);
    await succeed('deploy', '--stage', 'ordered', '--param', 'ordering=conversation');
    const [events, dead] = [
      await queueAttributes('feishu-events-ordered-events.fifo'),
      await queueAttributes('feishu-events-ordered-dead.fifo'),
    ];
    for (const queue of [events, dead]) {
      expect(queue).toMatchObject({
        FifoQueue: 'true',
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      });
    }
    expect(JSON.parse(events.RedrivePolicy)).toEqual({ deadLetterTargetArn: dead.QueueArn, maxReceiveCount: 25 });
    const { EventSourceMappings } = await ministack.aws('lambda', 'list-event-source-mappings');
    expect(EventSourceMappings).toContainEqual(
      expect.objectContaining({ BatchSize: 1, EventSourceArn: events.QueueArn }),
    );
  });
});

describe('with longConnection=true', () => {
  const alarmsOfStage = async () =>
    (await ministack.aws('cloudwatch', 'describe-alarms', '--alarm-name-prefix', 'feishu-events-dev-')).MetricAlarms;
  const inNetwork = async () => {
    const { Vpcs } = await ministack.aws('ec2', 'describe-vpcs');
    const own = Vpcs.filter(({ CidrBlock }: { CidrBlock: string }) => CidrBlock === '10.0.0.0/26');
    return own.length === 0 ? undefined : ['--filters', `Name=vpc-id,Values=${own[0].VpcId}`];
  };

  test('creates the service and its alarm', async () => {
    await project.writeEnvironment(SECRETS);
    await succeed('deploy', '--param', 'longConnection=true', '--param', 'alarmEmail=someone@example.com');
    const service = ['--cluster', 'feishu-events-dev', '--services', 'connection'];
    const { services } = await ministack.aws('ecs', 'describe-services', ...service);
    expect(services[0]).toMatchObject({
      status: 'ACTIVE',
      desiredCount: 1,
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
    });
    const { clusters } = await ministack.aws('ecs', 'describe-clusters', '--clusters', 'feishu-events-dev');
    expect(clusters[0].capacityProviders).toEqual(['FARGATE']);
    const { Topics } = await ministack.aws('sns', 'list-topics');
    expect(Topics).toHaveLength(1);
    const MetricAlarms = await alarmsOfStage();
    // With the two alarms of the long connection.
    expect(MetricAlarms).toHaveLength(ALARMS.length + 2);
    for (const alarm of MetricAlarms) {
      // A new dead letter is not resolved when no further one follows.
      const isResolvable = alarm.AlarmName !== 'feishu-events-dev-dead-letter-added';
      const actions = [Topics[0].TopicArn];
      expect(alarm).toMatchObject({ AlarmActions: actions, OKActions: isResolvable ? actions : [] });
    }
    expect(MetricAlarms).toContainEqual(
      expect.objectContaining({ AlarmName: 'feishu-events-dev-connection-down', TreatMissingData: 'breaching' }),
    );
    const { Subscriptions } = await ministack.aws('sns', 'list-subscriptions');
    expect(Subscriptions).toMatchObject([{ Protocol: 'email', Endpoint: 'someone@example.com' }]);
  });

  test('creates a network without inbound access', async () => {
    const inVpc = (await inNetwork()) as string[];
    expect((await ministack.aws('ec2', 'describe-subnets', ...inVpc)).Subnets).toHaveLength(2);
    const { RouteTables } = await ministack.aws('ec2', 'describe-route-tables', ...inVpc);
    const routes = RouteTables.flatMap(({ Routes }: { Routes: object[] }) => Routes);
    expect(routes).toContainEqual(expect.objectContaining({ GatewayId: expect.stringMatching(/^igw-/) }));
    const { SecurityGroups } = await ministack.aws('ec2', 'describe-security-groups', ...inVpc);
    const own = SecurityGroups.find(({ GroupName }: { GroupName: string }) => GroupName !== 'default');
    expect(own).toMatchObject({
      IpPermissions: [],
      IpPermissionsEgress: [{ FromPort: 443, ToPort: 443, IpProtocol: 'tcp' }],
    });
  });

  test('the task refers to the version of its secrets, and its roles have the permissions it needs', async () => {
    const { taskDefinition } = await ministack.aws(
      'ecs',
      'describe-task-definition',
      '--task-definition',
      'feishu-events-dev-connection',
    );
    const [fetch] = taskDefinition.containerDefinitions;
    const secret = await ministack.aws('secretsmanager', 'describe-secret', '--secret-id', 'feishu-events/dev');
    const version = await secretVersion('feishu-events/dev');
    const { Resources } = await deployedTemplate('dev');
    expect(Resources.ConnectionTask.Properties.ContainerDefinitions[1].Secrets).toEqual(
      ['FEISHU_APP_ID', 'FEISHU_APP_SECRET'].map((Name) => ({
        Name,
        ValueFrom: { 'Fn::Join': [':', [secret.ARN, Name, '', version]] },
      })),
    );
    const [, , program] = fetch.command;
    const { QueueArn } = await queueAttributes('feishu-events-dev-events');
    const { QueueArn: deadLetterQueueArn } = await queueAttributes('feishu-events-dev-dead');
    expect(await statementsOf('ConnectionTaskRole')).toEqual([
      ['s3:GetObject', `arn:aws:s3:::${program.replace('s3://', '')}`],
      ['sqs:SendMessage', QueueArn],
      ['sqs:SendMessage', deadLetterQueueArn],
      ['s3:PutObject', expect.stringMatching(/^arn:aws:s3:::feishu-events-dev-largeevents[^/]*\/events\/\*$/)],
    ]);
    expect(await statementsOf('ConnectionExecutionRole')).toEqual([
      [
        'logs:CreateLogStream logs:PutLogEvents',
        expect.stringContaining(':log-group:/ecs/feishu-events-dev-connection'),
      ],
      ['secretsmanager:GetSecretValue', secret.ARN],
    ]);
  });

  test('parameters are checked together with those of the deployed stack', async () => {
    await succeed('secrets', '--param', 'connectionSpot=true');
    await succeed('secrets', '--param', 'webhook=false');
  });

  test('removes everything when it is disabled again', async () => {
    await succeed('deploy', '--param', 'longConnection=false', '--param', 'alarmEmail=none');
    expect((await ministack.aws('iam', 'list-roles')).Roles).toHaveLength(4);
    expect((await ministack.aws('sns', 'list-topics')).Topics).toEqual([]);
    expect((await ministack.aws('ecs', 'list-clusters')).clusterArns).toEqual([]);
    expect(await alarmsOfStage()).toHaveLength(ALARMS.length);
    expect(await inNetwork()).toBeUndefined();
  });
});

describe('with webhook=false', () => {
  test('there is no webhook, and its secrets are not required', async () => {
    const { FEISHU_APP_ID, FEISHU_APP_SECRET } = SECRETS;
    await project.writeEnvironment({ FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_ENCRYPT_KEY: 'local-1234' });
    const { Subnets } = await ministack.aws('ec2', 'describe-subnets');
    const [{ VpcId, SubnetId }] = Subnets;
    const network = [`connectionVpc=${VpcId}`, `connectionSubnets=${SubnetId}`];
    const parameters = ['webhook=false', 'longConnection=true', ...network];
    await succeed('deploy', '--stage', 'private', ...parameters.flatMap((parameter) => ['--param', parameter]));
    const service = ['--cluster', 'feishu-events-private', '--services', 'connection'];
    const { services } = await ministack.aws('ecs', 'describe-services', ...service);
    expect(services[0].networkConfiguration.awsvpcConfiguration.subnets).toEqual([SubnetId]);
    expect((await ministack.aws('apigatewayv2', 'get-apis')).Items).toHaveLength(2);
    const { Functions } = await ministack.aws('lambda', 'list-functions');
    const names = Functions.map(({ FunctionName }: { FunctionName: string }) => FunctionName);
    expect(names.filter((name: string) => name.includes('private'))).toEqual(['feishu-events-private-worker']);
    const { SecretString } = await ministack.aws(
      'secretsmanager',
      'get-secret-value',
      '--secret-id',
      'feishu-events/private',
    );
    expect(JSON.parse(SecretString)).toEqual({ FEISHU_APP_ID, FEISHU_APP_SECRET });
  });

  test('the long connection requires the app id and secret', async () => {
    await project.writeEnvironment({ FEISHU_APP_ID: SECRETS.FEISHU_APP_ID });
    const { code, output } = await serverless(
      'deploy',
      '--stage',
      'x',
      '--param',
      'webhook=false',
      '--param',
      'longConnection=true',
    );
    expect(code).toBe(1);
    expect(output).toContain('The long connection needs FEISHU_APP_ID and FEISHU_APP_SECRET');
  });
});

describe('secrets', () => {
  test('are in no output, template, artifact or object in the bucket', async () => {
    await runOrThrow('python3', ['-m', 'zipfile', '-e', 'worker.zip', 'worker'], unzipOptions());
    const files = await readFiles(['.serverless', '.build'].map((folder) => path.join(project.folder, folder)));
    for (const { Name } of (await ministack.aws('s3api', 'list-buckets')).Buckets) {
      const target = path.join(project.folder, 'buckets', Name);
      await ministack.aws('s3', 'sync', '--quiet', `s3://${Name}`, target);
    }
    const objects = await readFiles([path.join(project.folder, 'buckets')]);
    expect(files.length).toBeGreaterThan(5);
    expect(objects.length).toBeGreaterThan(5);
    for (const value of [...Object.values(SECRETS), 'other-key-of-the-test']) {
      expect(allOutput).not.toContain(value);
      for (const { name, content } of [...files, ...objects]) expect(content.includes(value), name).toBe(false);
    }
  });

  const unzipOptions = () => ({
    cwd: path.join(project.folder, '.serverless'),
    environment: { PATH: process.env.PATH ?? '' },
  });

  async function readFiles(folders: string[]) {
    const entries = await Promise.all(
      folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })),
    );
    const names = entries
      .flat()
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    return Promise.all(names.map(async (name) => ({ name, content: await readFile(name) })));
  }
});

describe('remove', () => {
  test('deletes everything; the secret can be restored for a week', async () => {
    expect(await succeed('remove', '--yes')).toContain(
      'Deleted the secret feishu-events/dev. You can restore it for 7 days',
    );
    await succeed('remove', '--yes', '--stage', 'ordered');
    expect(
      (await ministack.aws('sqs', 'list-queues', '--queue-name-prefix', 'feishu-events-dev')).QueueUrls ?? [],
    ).toEqual([]);
    expect(
      (await ministack.aws('logs', 'describe-log-groups', '--log-group-name-prefix', '/aws/lambda/feishu-events-dev'))
        .logGroups,
    ).toEqual([]);
    const { Functions } = await ministack.aws('lambda', 'list-functions');
    expect(
      Functions.map(({ FunctionName }: { FunctionName: string }) => FunctionName).filter((name: string) =>
        /dev|ordered/.test(name),
      ),
    ).toEqual([]);
    const { Buckets } = await ministack.aws('s3api', 'list-buckets');
    expect(Buckets.filter(({ Name }: { Name: string }) => /-(dev|ordered)-/.test(Name))).toEqual([]);
    const secret = await ministack.aws('secretsmanager', 'describe-secret', '--secret-id', 'feishu-events/dev');
    expect(secret.DeletedDate).toBeDefined();
  });

  test('does not prevent a new deployment', async () => {
    await project.writeEnvironment(SECRETS);
    await succeed('deploy');
    expect(await secretVersion('feishu-events/dev')).toMatch(/-/);
  });
});
