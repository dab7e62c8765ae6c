import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import type { Template } from '../../lib/deploy/serverless.ts';
import { readDocuments } from '../documents/document.ts';
import { createProject, type Project } from './support/project.ts';

const HANDLER = `import { onEvent } from '#feishu-events';
export default onEvent('im.message.receive_v1', () => [
  process.env.OPENAI_API_KEY, process.env.MODEL, process.env.NOTES_TABLE, process.env.FORGOTTEN,
]);
`;

describe('The examples in docs/extending.md', () => {
  let project: Project;
  let template: Template;
  let output: string;
  const propertiesOf = (name: string) => template.Resources[name]?.Properties;
  const variablesOf = (name: string) => {
    const { Environment } = propertiesOf(name) as { Environment: { Variables: unknown } };
    return Environment.Variables;
  };
  const policyOf = (role: string, name: string) => {
    const { Policies } = propertiesOf(role) as { Policies: { PolicyName: string; PolicyDocument: unknown }[] };
    return JSON.stringify(Policies.find(({ PolicyName }) => PolicyName === name)?.PolicyDocument);
  };

  beforeAll(async () => {
    project = await createProject();
    await write('extensions.yml', documentedExtensions());
    await write('functions/cleanup.ts', 'export const handler = async () => process.env.OPENAI_API_KEY;\n');
    await write('functions/handlers/v2/im.message.receive_v1.ts', HANDLER);
    const result = await project.serverless('package', '--stage', 'prod', '--param', 'longConnection=true');
    output = result.output;
    expect(result.code, output).toBe(0);
    template = await project.template();
  });
  afterAll(() => project.remove());

  async function write(name: string, content: string): Promise<void> {
    const file = path.join(project.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  it('give secrets and variables to event handlers, and not to the webhook', () => {
    expect(variablesOf('WorkerLambdaFunction')).toMatchObject({
      OPENAI_API_KEY: '{{resolve:secretsmanager:feishu-events/prod:SecretString:OPENAI_API_KEY::}}',
      MODEL: 'small',
      NOTES_TABLE: { Ref: 'NotesTable' },
      FEISHU_APP_ID: expect.any(String),
    });
    expect(variablesOf('WebhookLambdaFunction')).not.toHaveProperty('MODEL');
    expect(variablesOf('CleanupLambdaFunction')).toMatchObject({ OPENAI_API_KEY: expect.stringContaining('resolve:') });
  });

  it('warn about a variable that a handler reads and the deployment does not set', () => {
    expect(output).toContain(
      'functions/handlers/v2/im.message.receive_v1.ts reads process.env.FORGOTTEN, which the deployment does not set for the function worker.',
    );
    expect(output.match(/which the deployment does not set/g)).toHaveLength(1);
  });

  it('give permissions to event handlers, and not to the webhook', () => {
    expect(policyOf('WorkerRole', 'provider')).toContain('dynamodb:PutItem');
    expect(JSON.stringify(propertiesOf('WebhookRole'))).not.toContain('dynamodb:PutItem');
  });

  it('give the client, secrets, variables and permissions to callback handlers', () => {
    expect(variablesOf('WebhookLambdaFunction')).toMatchObject({
      OPENAI_API_KEY: expect.stringContaining('OPENAI_API_KEY'),
      FEISHU_APP_ID: expect.stringContaining('FEISHU_APP_ID'),
      FEISHU_APP_SECRET: expect.stringContaining('FEISHU_APP_SECRET'),
      FEISHU_DOMAIN: 'https://open.feishu.cn',
      NOTES_TABLE: { Ref: 'NotesTable' },
    });
    const containers = propertiesOf('ConnectionTask')?.ContainerDefinitions as { Name: string; Secrets: object[] }[];
    const connection = containers.find(({ Name }) => Name === 'connection');
    expect(connection).toMatchObject({
      Environment: expect.arrayContaining([{ Name: 'NOTES_TABLE', Value: { Ref: 'NotesTable' } }]),
      Secrets: expect.arrayContaining([{ Name: 'OPENAI_API_KEY', ValueFrom: expect.anything() }]),
    });
    expect(connection?.Secrets).toHaveLength(3);
    for (const role of ['WebhookRole', 'ConnectionTaskRole']) {
      expect(policyOf(role, 'callbacks')).toContain('dynamodb:GetItem');
    }
  });

  it('set the timeout of the worker, and all that depends on it', () => {
    expect(propertiesOf('WorkerLambdaFunction')).toMatchObject({ Timeout: 300 });
    expect(propertiesOf('EventsQueue')).toMatchObject({ VisibilityTimeout: 1800 });
    expect(propertiesOf('OldEventsAlarm')).toMatchObject({ Threshold: 2100 });
  });

  it('set the parameters of the stage', () => {
    expect(propertiesOf('WorkerEventSourceMappingSQSEventsQueue')).toMatchObject({
      ScalingConfig: { MaximumConcurrency: 50 },
    });
    expect(JSON.stringify(template)).toContain('oncall@example.com');
  });

  it('run the worker in a VPC, but not the webhook', () => {
    expect(propertiesOf('WorkerLambdaFunction')).toMatchObject({ VpcConfig: { SubnetIds: [expect.any(String)] } });
    expect(propertiesOf('WebhookLambdaFunction')).not.toHaveProperty('VpcConfig');
    expect(policyOf('WorkerRole', 'WorkerLambdaFunction')).toContain('ec2:CreateNetworkInterface');
  });

  it('add resources that refer to existing ones, a schedule and tags', async () => {
    for (const name of ['NotesTable', 'FilesBucket', 'Domain', 'DomainMapping']) {
      expect(template.Resources).toHaveProperty(name);
    }
    const { DependsOn } = template.Resources.DomainMapping ?? {};
    for (const name of [DependsOn, 'HttpApi']) expect(template.Resources).toHaveProperty(String(name));
    expect(Object.values(template.Resources).map(({ Type }) => Type)).toContain('AWS::Events::Rule');
    expect(propertiesOf('WebhookLambdaFunction')).toMatchObject({ Tags: [{ Key: 'team', Value: 'bots' }] });
    const state = JSON.parse(await readFile(path.join(project.folder, '.serverless/serverless-state.json'), 'utf8'));
    expect(state.service.provider.stackTags).toEqual({ team: 'bots' });
  });
});

/** Returns all examples of the document as one file. */
function documentedExtensions(): string {
  const document = readDocuments().find(({ name }) => name === 'docs/extending.md');
  const examples = document?.codeBlocks.filter(({ lang }) => lang === 'yaml') ?? [];
  expect(examples.length).toBeGreaterThan(10);
  const merged = parseDocument('{}', { logLevel: 'error' }) as Document<YAMLMap>;
  for (const { text } of examples) merge(merged.contents, parseDocument(text, { logLevel: 'error' }).contents);
  return merged.toString();
}

function merge(target: unknown, source: unknown): void {
  if (!isMap(target) || !isMap(source)) throw new TypeError('Two examples define the same value');
  for (const pair of source.items) {
    const existing = target.get(pair.key, true);
    if (existing === undefined) target.items.push(pair);
    else if (isSeq(existing) && isSeq(pair.value)) existing.items.push(...pair.value.items);
    else merge(existing, pair.value);
  }
}
