import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { bundleFunctions } from '../../lib/deploy/bundle-functions.ts';
import { readDocuments } from '../documents/document.ts';
import { createProject, type Project } from './support/project.ts';

/** Everything of a working copy that must not be deployed. */
const PRIVATE_FILES = {
  '.env': 'FEISHU_APP_SECRET=the-secret\n',
  '.env.prod': 'FEISHU_APP_SECRET=the-secret\n',
  '.local/queue/event.json': '{}',
  '.recorded/event.json': '{}',
  'certificates/server.pem': 'the key',
  'test/reminder.test.ts': '',
  'functions/reminder.test.ts': '',
};

describe('A function that the user adds in extensions.yml', () => {
  let project: Project;
  beforeEach(async () => {
    project = await createProject();
    for (const [name, content] of Object.entries(PRIVATE_FILES)) await write(name, content);
  });
  afterEach(() => project.remove());

  async function write(name: string, content: string): Promise<void> {
    const file = path.join(project.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  async function addFunction(definition: string): Promise<void> {
    await write('extensions.yml', `functions:\n${definition}`);
  }

  async function filesIn(artifact: string): Promise<string[]> {
    const zip = await openPromise(path.join(project.folder, '.serverless', artifact));
    const names: string[] = [];
    for await (const { fileName } of zip.eachEntry()) names.push(fileName);
    return names.toSorted();
  }

  it('is bundled, and its artifact contains only the bundle', async () => {
    await addFunction(documentedFunction());
    await write('functions/reminder.ts', 'export const handler = async (): Promise<string> => "done";\n');
    const template = await project.package();
    expect(template.Resources.ReminderLambdaFunction?.Properties).toMatchObject({
      Handler: '.build/functions/reminder.handler',
      Timeout: 30,
    });
    expect(await filesIn('reminder.zip')).toEqual([
      '.build/functions/reminder.mjs',
      '.build/functions/reminder.mjs.map',
    ]);
    const { handler } = await import(path.join(project.folder, '.build/functions/reminder.mjs'));
    expect(await handler()).toBe('done');
  });

  it('gets the official SDK if it imports it, and the files that its patterns add', async () => {
    await addFunction(
      '  reminder:\n    handler: functions/reminder.run\n    package:\n      patterns:\n        - templates/**\n',
    );
    await write('templates/reminder.txt', 'Hello');
    await write(
      'functions/reminder.ts',
      "import { Domain } from '@larksuiteoapi/node-sdk';\nexport const run = async () => Domain.Lark;\n",
    );
    await project.package();
    expect(await filesIn('reminder.zip')).toEqual(
      expect.arrayContaining(['.build/node_modules/@larksuiteoapi/node-sdk/index.js', 'templates/reminder.txt']),
    );
    const { run } = await import(path.join(project.folder, '.build/functions/reminder.mjs'));
    expect(await run()).toBe(1);
  });

  it('gets the framework’s role or its own, its schedules and its layers, in any language', async () => {
    const image = `000000000000.dkr.ecr.us-east-1.amazonaws.com/job@sha256:${'0'.repeat(64)}`;
    const layer = 'arn:aws:lambda:us-east-1:000000000000:layer:tools:1';
    await write('extensions.yml', extensionsWith(image, layer));
    await write('functions/reminder.ts', 'export const handler = async (): Promise<string> => "done";\n');
    await write('functions/job.py', 'def main(event, context): return 1\n');
    const service = await readFile(path.join(project.folder, 'serverless.yml'), 'utf8');
    const statement = '{ Effect: Allow, Action: s3:GetObject, Resource: !GetAtt Reports.Arn }';
    await write(
      'serverless.yml',
      service.replace(/^provider:$/m, `provider:\n  iam: { role: { statements: [${statement}] } }`),
    );
    const { Resources } = await project.package();
    const propertiesOf = (name: string) => Resources[name]?.Properties;

    const roles = ['Reminder', 'Python', 'Container', 'Own', 'Webhook', 'Worker'].map(
      (name) => propertiesOf(`${name}LambdaFunction`)?.Role,
    );
    const shared = { 'Fn::GetAtt': ['IamRoleLambdaExecution', 'Arn'] };
    const own = ['OwnRole', 'WebhookRole', 'WorkerRole'].map((role) => ({ 'Fn::GetAtt': [role, 'Arn'] }));
    expect(roles).toEqual([shared, shared, shared, ...own]);
    const [policy] = (propertiesOf('IamRoleLambdaExecution')?.Policies ?? []) as Policy[];
    const allowed = policy?.PolicyDocument.Statement ?? [];
    // Not those of the worker's event source.
    expect(allowed.flatMap(({ Action }) => Action).toSorted()).toEqual([
      ...['lambda:InvokeFunction', 'logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      ...['logs:TagResource', 's3:GetObject', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
    ]);
    expect(allowed.find(({ Action }) => Action.includes('sqs:ReceiveMessage'))?.Resource).toEqual([
      { 'Fn::GetAtt': ['OwnQueue', 'Arn'] },
    ]);

    expect(propertiesOf('ReminderEventsRuleSchedule1')).toMatchObject({
      ScheduleExpression: 'rate(6 hours)',
      State: 'DISABLED',
    });
    expect(propertiesOf('ReminderSchedulerSchedule2')).toMatchObject({
      ScheduleExpression: 'rate(1 day)',
      Target: { Input: '{"a":1}' },
    });
    expect(propertiesOf('ReminderLambdaFunction')).toMatchObject({
      Layers: [layer],
      Environment: {
        Variables: { FEISHU_APP_ID: '{{resolve:secretsmanager:feishu-events/dev:SecretString:FEISHU_APP_ID::}}' },
      },
    });
    expect(propertiesOf('ContainerLambdaFunction')).toMatchObject({ PackageType: 'Image', Code: { ImageUri: image } });
    expect(propertiesOf('PythonLambdaFunction')).toMatchObject({
      Handler: 'functions/job.main',
      Runtime: 'python3.13',
    });
    expect(await filesIn('python.zip')).toEqual(['functions/job.py']);
  });

  it.each([
    [
      'functions/remindr.handler',
      'The handler of the function reminder is functions/remindr.handler, but there is no such module.',
    ],
    ['functions/reminder.run', 'functions/reminder.ts does not export "run", the handler of the function reminder.'],
  ])('is not packaged with the handler %s if that does not exist', async (handler, message) => {
    await write('functions/reminder.ts', 'export const handler = async (): Promise<string> => "done";\n');
    const service = {
      service: 'feishu-events',
      functions: { reminder: { handler } },
      provider: { runtime: 'nodejs24.x', compiledCloudFormationTemplate: { Resources: {} } },
    };
    const bundled = bundleFunctions(project.folder, path.join(project.folder, '.build'), service);
    await expect(bundled).rejects.toThrow(message);
  });

  it('is not packaged with private files', async () => {
    const names = Object.keys(PRIVATE_FILES);
    const patterns = ['!**', 'functions/reminder.js', ...names];
    // Not TypeScript, so that the framework alone selects the files.
    await addFunction(
      `  reminder:\n    handler: functions/reminder.run\n    package: { individually: true, patterns: ${JSON.stringify(patterns)} }\n`,
    );
    await write('functions/reminder.js', 'exports.run = async () => {};\n');
    const { code, output } = await project.serverless('package');
    expect(output).toContain('The artifact of the function reminder');
    for (const name of names) expect(output).toContain(`  ${name} (`);
    expect(output).toContain("starting with '!**'");
    expect(code).toBe(1);
  });
});

interface Policy {
  PolicyDocument: { Statement: { Action: string[]; Resource: unknown }[] };
}

function extensionsWith(image: string, layer: string): string {
  return `functions:
  reminder:
    handler: functions/reminder.handler
    layers: ['${layer}']
    environment:
      FEISHU_APP_ID: !Ref Secret::FEISHU_APP_ID
    events:
      - schedule: { rate: rate(6 hours), enabled: false }
      - schedule: { rate: rate(1 day), method: scheduler, input: { a: 1 } }
      - sqs: { arn: !GetAtt OwnQueue.Arn }
  own:
    handler: functions/reminder.handler
    role: OwnRole
  python:
    handler: functions/job.main
    runtime: python3.13
    package: { individually: true, patterns: ['!**', functions/job.py] }
  container:
    image: ${image}
resources:
  Resources:
    OwnQueue: { Type: AWS::SQS::Queue }
    Reports: { Type: AWS::S3::Bucket }
    OwnRole: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {} } }
`;
}

/** Returns the function of the example in docs/deploying.md. */
function documentedFunction(): string {
  const document = readDocuments().find(({ name }) => name === 'docs/deploying.md');
  const [example] = document?.codeBlocks.filter(({ lang }) => lang === 'yaml') ?? [];
  return `${example?.text.replace(/^functions:\n/, '')}\n`;
}
