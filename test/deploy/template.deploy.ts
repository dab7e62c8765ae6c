import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findReplacements } from '../../lib/deploy/replacements.ts';
import type { Template } from '../../lib/deploy/serverless.ts';
import { createProject, type Project, ROOT } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { run } from './support/run.ts';

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-1', 'cn-north-1'];

/** The last stack, for which the project gets a module in functions/handlers/approvals. */
const APPROVALS = 'approvals';

/** A stack for which the project gets a handler with state. */
const STATE = 'state';

/** Every combination of the boolean parameters. Each other parameter is set in at least one. */
const STACKS: Record<string, string[]> = {
  webhook: [],
  'webhook-ordered': [
    'ordering=conversation',
    'alarmEmail=someone@example.com',
    'noEventsAlarmHours=24',
    'webhookRateLimit=100',
    'webhookBurstLimit=50',
  ],
  both: ['longConnection=true', 'connectionSpot=true', 'alarmEmail=someone@example.com'],
  'both-ordered': ['longConnection=true', 'ordering=topic'],
  connection: ['longConnection=true', 'webhook=false', 'connectionCount=50'],
  'connection-ordered': [
    'longConnection=true',
    'webhook=false',
    'ordering=conversation',
    'connectionVpc=vpc-0123456789abcdef0',
    'connectionSubnets=subnet-0123456789abcdef0,subnet-0123456789abcdef1',
    'connectionPublicIp=false',
  ],
  [APPROVALS]: [],
  [STATE]: [],
};

const APPROVAL = `import { onQuickApproval } from '#feishu-events';
export default onQuickApproval({ token: process.env.EXPENSES_TOKEN }, () => {});
`;

const STATE_HANDLER = `import { onEvent } from '#feishu-events';
import { chatState } from '#feishu-events/state';
export default onEvent('im.chat.updated_v1', async (event, context) => void (await chatState(event, context).get()));
`;

/** Modules that only one stack has. */
const MODULES = new Map([
  [APPROVALS, ['approvals/expenses.ts', APPROVAL]],
  [STATE, ['v2/im.chat.updated_v1.ts', STATE_HANDLER]],
]);

describe('the packaged template', () => {
  let project: Project;
  const templates: Record<string, Template> = {};
  const files: string[] = [];

  beforeAll(async () => {
    project = await createProject();
    for (const [name, parameters] of Object.entries(STACKS)) {
      const [file = '', source = ''] = MODULES.get(name) ?? [];
      const module = path.join(project.folder, 'functions/handlers', file);
      if (file !== '') await writeFile(module, source);
      const template = await project.package(...parameters.flatMap((parameter) => ['--param', parameter]));
      const templateFile = path.join(project.folder, `${name}.template.json`);
      await writeFile(templateFile, JSON.stringify(template, undefined, 2));
      templates[name] = template;
      files.push(templateFile);
      if (file !== '') await rm(module);
    }
  });
  afterAll(() => project.remove());

  const check = (tool: string, args: string[]) =>
    run(pythonTool(tool), args, { cwd: project.folder, environment: { PATH: process.env.PATH ?? '' } });

  test('passes cfn-lint in regions of two partitions', async () => {
    expect(await check('cfn-lint', ['--regions', ...REGIONS, '--', ...files])).toMatchObject({ output: '', code: 0 });
  });

  test('passes checkov, except for checks that checkov.yml skips', async () => {
    const config = path.join(ROOT, 'test/deploy/checkov.yml');
    const { output, code } = await check('checkov', [
      '--config-file',
      config,
      ...files.flatMap((file) => ['-f', file]),
    ]);
    expect(code, output).toBe(0);
  });

  test.each(Object.keys(STACKS))('contains no partition: %s', (name) => {
    const text = JSON.stringify(templates[name]);
    expect(text).not.toContain('arn:aws:');
    // Service principals are the same in every partition.
    expect(text.match(/"[^"]*amazonaws\.com[^"]*"/g)?.filter((host) => !SERVICE_PRINCIPAL.test(host))).toEqual([]);
  });

  test.each(Object.keys(STACKS))('allows nothing with a wildcard, except the large events: %s', (name) => {
    for (const statement of allowedBy(templates[name] as Template)) {
      expect([statement.Action].flat().join()).not.toContain('*');
      // The objects of one prefix have no other form.
      const resource = JSON.stringify(statement.Resource).replace(`\${LargeEventsBucket.Arn}/events/*`, '');
      expect(resource).not.toContain('*');
    }
  });

  test('contains the webhook and the long connection only if they are enabled', () => {
    const typesOf = (name: string) => Object.values(templates[name]?.Resources ?? {}).map(({ Type }) => Type);
    const [webhook, both, connection] = [typesOf('webhook'), typesOf('both'), typesOf('connection')];
    expect(webhook.filter((type) => /ECS|EC2|SNS/.test(type))).toEqual([]);
    expect(
      Object.keys(templates.webhook?.Resources ?? {}).filter((name) => /Connection|Subnet|Vpc/.test(name)),
    ).toEqual([]);
    expect(both).toEqual(expect.arrayContaining(['AWS::ECS::Service', 'AWS::ApiGatewayV2::Api', 'AWS::SNS::Topic']));
    expect(connection).toContain('AWS::ECS::Service');
    expect(connection.filter((type) => type.includes('ApiGateway'))).toEqual([]);
    expect(JSON.stringify(templates.connection?.Resources)).not.toMatch(/webhook|ENCRYPT_KEY|VERIFICATION_TOKEN/i);
    expect(typesOf('connection-ordered')).not.toContain('AWS::EC2::VPC');
  });

  test('contains the table of states, its variable and its permission only if a handler uses it', () => {
    const { [STATE]: withState, webhook: without } = templates as Record<string, Template>;
    expect(JSON.stringify(without)).not.toMatch(/state_?table/i);
    expect(withState?.Resources.StateTable).toMatchObject({
      UpdateReplacePolicy: 'Retain',
      Properties: { TimeToLiveSpecification: { AttributeName: 'expiration', Enabled: true } },
    });
    const variables = withState?.Resources.WorkerLambdaFunction?.Properties?.Environment;
    expect(variables).toMatchObject({ Variables: { STATE_TABLE: { Ref: 'StateTable' } } });
    expect(JSON.stringify(withState?.Resources.WebhookLambdaFunction)).not.toContain('STATE_TABLE');
    const statements = allowedBy({ Resources: { WorkerRole: withState?.Resources.WorkerRole } } as never);
    expect(statements.at(-1)).toEqual({
      Sid: 'AccessState',
      Effect: 'Allow',
      Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
      Resource: { 'Fn::GetAtt': ['StateTable', 'Arn'] },
    });
    // The guard asks before the table is deleted with its states.
    expect(findReplacements(withState as Template, without as Template)).toEqual([
      { logicalId: 'StateTable', type: 'AWS::DynamoDB::Table', change: 'delete' },
    ]);
  });

  test('traces the functions only with tracing=xray, and allows them to', async () => {
    const traced = await project.package('--param', 'tracing=xray');
    for (const name of ['Webhook', 'Worker']) {
      const functionName = `${name}LambdaFunction`;
      expect(templates.webhook?.Resources[functionName]?.Properties).not.toHaveProperty('TracingConfig');
      expect(traced.Resources[functionName]?.Properties?.TracingConfig).toEqual({ Mode: 'Active' });
      expect(JSON.stringify(traced.Resources[`${name}Role`])).toContain('xray:PutTraceSegments');
    }
  });

  test('allows no inbound traffic to the long connection', () => {
    for (const name of ['both', 'connection-ordered']) {
      const resources = Object.values(templates[name]?.Resources ?? {});
      expect(resources.filter(({ Type }) => Type === 'AWS::EC2::SecurityGroupIngress')).toEqual([]);
      const groups = resources.filter(({ Type }) => Type === 'AWS::EC2::SecurityGroup');
      expect(groups).toHaveLength(1);
      expect(groups[0]?.Properties).not.toHaveProperty('SecurityGroupIngress');
    }
  });

  // AWS rejects a mapping if the visibility timeout is shorter than the function's, and recommends six times as long. See
  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig. No emulator does.
  test.each(Object.keys(STACKS))('hides a message for six times the timeout of its function: %s', (name) => {
    const { Resources = {} } = templates[name] as Template;
    const mappings = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(1);
    for (const { Properties } of mappings) {
      const queue = Resources[referenced(Properties?.EventSourceArn)]?.Properties;
      const timeout = Resources[referenced(Properties?.FunctionName)]?.Properties?.Timeout;
      expect(queue?.VisibilityTimeout).toBeGreaterThanOrEqual(6 * Number(timeout));
    }
  });

  test('keeps the queues when the ordering changes between conversation and topic', () => {
    const [byChat, byTopic, unordered] = ['webhook-ordered', 'both-ordered', 'webhook'].map(
      (name) => templates[name] as Template,
    );
    expect(findReplacements(byChat as Template, byTopic as Template)).toEqual([]);
    expect(findReplacements(unordered as Template, byTopic as Template)).toHaveLength(2);
    const variables = byTopic?.Resources.WebhookLambdaFunction?.Properties?.Environment;
    expect(variables).toMatchObject({ Variables: { QUEUE_ORDERING: 'topic' } });
    expect(JSON.stringify(byTopic?.Resources.ConnectionTask)).toContain('{"Name":"QUEUE_ORDERING","Value":"topic"}');
    const mapping = Object.values(byTopic?.Resources ?? {}).find(
      ({ Type }) => Type === 'AWS::Lambda::EventSourceMapping',
    );
    expect(mapping?.Properties?.BatchSize).toBe(1);
  });

  // No emulator limits the length of names.
  test('has names that AWS accepts, in a stage whose name has 42 characters', async () => {
    const stage = 's'.repeat(42);
    const parameters = ['longConnection=true', 'ordering=conversation', 'alarmEmail=someone@example.com'];
    const options = ['--stage', stage, '--region', 'ap-southeast-1'];
    const { Resources } = await project.package(...options, ...parameters.flatMap((one) => ['--param', one]));
    const lengths = Object.values(Resources).flatMap(({ Type, Properties = {} }) =>
      Object.entries(Properties).flatMap(([property, value]) =>
        typeof value === 'string' && value.includes(stage) ? [[`${Type} ${property}`, value.length] as const] : [],
      ),
    );
    expect(new Set(lengths.map(([property]) => property))).toEqual(new Set(Object.keys(MAXIMUM_LENGTHS)));
    expect(lengths.filter(([property, length]) => length > (MAXIMUM_LENGTHS[property] as number))).toEqual([]);
  });

  test('rejects the long connection for a store app', async () => {
    const parameters = ['--param', 'appType=store', '--param', 'longConnection=true'];
    const { code, output } = await project.serverless('package', ...parameters);
    expect(output).toContain('The platform offers the long connection only to self-built apps');
    expect(code).toBe(1);
  });

  test('rejects invalid parameters, and lists the valid ones', async () => {
    const messages = {
      'longConection=true':
        'Unknown parameter "longConection". Available parameters: domain, appType, configureApp, ordering, webhook, ',
      'longConnection=yes': 'The parameter longConnection must be true or false, not "yes".',
      'appType=isv': 'The parameter appType must be self or store, not "isv".',
      'ordering=chat': 'The parameter ordering must be none, conversation or topic, not "chat".',
      'workerConcurrency=1': 'The parameter workerConcurrency must be an integer from 2 to 1000, not "1".',
      'webhook=false': 'Without the webhook, no events would arrive. Add --param longConnection=true.',
      'connectionVpc=vpc-1': 'Set both connectionVpc and connectionSubnets',
    };
    for (const [parameter, message] of Object.entries(messages)) {
      const { code, output } = await project.serverless('package', '--param', parameter);
      expect(output).toContain(message);
      expect(code).toBe(1);
    }
  });
});

test('The region is that of the AWS profile, unless --region is passed', async () => {
  const project = await createProject({ AWS_PROFILE: 'north' });
  try {
    // The project's folder is also the home folder.
    await mkdir(path.join(project.folder, '.aws'));
    await writeFile(path.join(project.folder, '.aws/config'), '[profile north]\nregion = eu-north-1\n');
    const { output } = await project.serverless('package');
    expect(output).toContain('Packaging feishu-events for stage dev (eu-north-1)');
    const { output: withOption } = await project.serverless('package', '--region', 'eu-west-3');
    expect(withOption).toContain('Packaging feishu-events for stage dev (eu-west-3)');
  } finally {
    await project.remove();
  }
});

describe('Packaging rejects', () => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject();
  });
  afterAll(() => project.remove());
  const fail = async (...args: string[]) => {
    const { code, output } = await project.serverless('package', ...args);
    expect(code, output).toBe(1);
    return output;
  };

  test('a stage that AWS does not accept in names', async () => {
    expect(await fail('--stage', 's'.repeat(43))).toContain('--stage must have at most 42 characters');
    for (const stage of ['a_b', 'a/b']) {
      const output = await fail('--stage', stage);
      const message = `--stage may contain only letters, digits and hyphens, unlike "${stage}".`;
      expect(output.split(message).length).toBe(2);
    }
  });

  test('a .env with an invalid setting or a malformed line, and a folder named .env', async () => {
    const file = path.join(project.folder, '.env');
    await writeFile(file, 'LOG_LEVEL=loud\n');
    expect(await fail()).toContain('LOG_LEVEL must be DEBUG, INFO, WARN or ERROR, not "loud".');
    await writeFile(file, 'FEISHU_APP_TYPE=self\nprivate text\n');
    const output = await fail();
    expect(output).toContain('.env, line 2: not NAME=value.');
    expect(output).not.toContain('private text');
    await rm(file);
    await mkdir(file);
    expect(await fail()).toContain('.env is a folder.');
  });
});

const SERVICE_PRINCIPAL = /^"(apigateway|cloudwatch|ecs-tasks|lambda)\.amazonaws\.com"$/;

/** The maximum lengths of names and descriptions, in characters, according to the reference of each service's API. */
const MAXIMUM_LENGTHS: Record<string, number> = {
  'AWS::ApiGatewayV2::Api Name': 128,
  'AWS::CloudWatch::Alarm AlarmName': 255,
  'AWS::CloudWatch::Dashboard DashboardName': 255,
  'AWS::EC2::SecurityGroup GroupDescription': 255,
  'AWS::ECS::Cluster ClusterName': 255,
  'AWS::ECS::TaskDefinition Family': 255,
  'AWS::IAM::Role Description': 1000,
  'AWS::Lambda::Function FunctionName': 64,
  'AWS::Logs::LogGroup LogGroupName': 512,
  'AWS::SNS::Topic TopicName': 256,
  'AWS::SQS::Queue QueueName': 80,
};

/** Returns the logical id that an `Fn::GetAtt` refers to. */
function referenced(value: unknown): string {
  return (value as { 'Fn::GetAtt': string[] })['Fn::GetAtt'][0] as string;
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
}

function allowedBy(template: Template): Statement[] {
  const documents = (value: unknown): Statement[] => {
    if (typeof value !== 'object' || value === null) return [];
    const { Statement } = value as { Statement?: Statement[] };
    return Statement ?? Object.values(value).flatMap(documents);
  };
  return documents(template.Resources).filter(({ Effect, Resource }) => Effect === 'Allow' && Resource !== undefined);
}
