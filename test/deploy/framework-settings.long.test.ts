import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Template } from '../../lib/deploy/serverless.ts';
import { readDocuments } from '../documents/document.ts';
import { createProject, type Project } from './support/project.ts';

const ACCOUNT = '123456789012';
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/00000000-0000-0000-0000-000000000000`;
const FILE_SYSTEM = `arn:aws:elasticfilesystem:us-east-1:${ACCOUNT}:access-point/fsap-0123456789abcdef0`;
const LAYER = `arn:aws:lambda:us-east-1:${ACCOUNT}:layer:tools:1`;
const OTHER_LAYER = `arn:aws:lambda:us-east-1:${ACCOUNT}:layer:other:1`;
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/boundary`;
const READ_ONLY = `arn:aws:iam::${ACCOUNT}:policy/read`;

const PROVIDER = `
  architecture: x86_64
  layers: [${LAYER}]
  vpc: { securityGroupIds: [sg-1], subnetIds: [subnet-1, subnet-2] }
  kmsKeyArn: ${KEY}
  tracing: { lambda: true }
  tags: { team: bots }
  iam:
    role:
      path: /bots/
      permissionsBoundary: ${BOUNDARY}
      managedPolicies: [${READ_ONLY}]
      tags: { owner: bots }
${documentedStatements()}`;

/** Settings of the function differ from those of the provider. */
const WEBHOOK = `
  architecture: arm64
  layers: [${OTHER_LAYER}]
  vpc: { securityGroupIds: [sg-2], subnetIds: [subnet-3] }
  kmsKeyArn: !GetAtt WebhookKey.Arn
  tracing: PassThrough
  tags: { team: web }
  ephemeralStorageSize: 1024
  reservedConcurrency: 20
  provisionedConcurrency: 2`;

const WORKER = `
  ephemeralStorageSize: 2048
  reservedConcurrency: 10
  provisionedConcurrency: 3
  fileSystemConfig: { arn: ${FILE_SYSTEM}, localMountPath: /mnt/files }`;

const FUNCTIONS = `
  daily:
    handler: functions/daily.handler
    ephemeralStorageSize: 4096
    reservedConcurrency: 1
    provisionedConcurrency: 1
    condition: HasArchive
    events:
      - schedule: rate(1 day)
  report:
    handler: functions/daily.handler
    role: ReportRole
  shared:
    handler: functions/daily.handler
    role: WorkerRole
    vpc: false`;

/** The resources that a user adds in a file. */
const ARCHIVE = `
Parameters:
  ArchiveDays: { Type: Number, Default: 0 }
Mappings:
  Sizes: { prod: { days: 30 } }
Rules:
  Positive:
    Assertions:
      - Assert: !Not [!Equals [!Ref ArchiveDays, -1]]
Conditions:
  HasArchive: !Not [!Equals [!Ref ArchiveDays, 0]]
  HasPublicArchive: !And [!Condition HasArchive, !Condition Webhook]
Resources:
  ArchiveBucket:
    Type: AWS::S3::Bucket
    Condition: HasArchive
    Properties:
      BucketName: !If [HasPublicArchive, public, !Ref AWS::NoValue]
      LifecycleConfiguration: { Rules: [{ Status: Enabled, ExpirationInDays: !FindInMap [Sizes, prod, days] }] }
Outputs:
  Archive:
    Value: !If [HasArchive, !Ref ArchiveBucket, none]
`;

const RESOURCES = `
  Resources:
    WebhookKey:
      Type: AWS::KMS::Key
      Condition: Webhook
      Properties: { KeyPolicy: {} }
    ReportRole:
      Type: AWS::IAM::Role
      Properties: { AssumeRolePolicyDocument: {} }
`;

describe("With the framework's settings", () => {
  let project: Project;
  let template: Template;
  const propertiesOf = (name: string) => template.Resources[name]?.Properties;

  beforeAll(async () => {
    project = await createProject();
    const write = async (name: string, content: string) => {
      const file = path.join(project.folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    };
    const change = async (name: string, replacements: Record<string, string>) => {
      const text = await readFile(path.join(project.folder, name), 'utf8');
      await write(
        name,
        Object.entries(replacements).reduce((result, [from, to]) => result.replace(from, () => to), text),
      );
    };
    await change('serverless.yml', {
      '\n  architecture: arm64': PROVIDER,
      '\nresources:': `\nresources:\n  - \${file(archive.yml)}`,
    });
    await change('deploy/functions.yml', {
      '\n  role: WebhookRole': `\n  role: WebhookRole${WEBHOOK}`,
      '\n  role: WorkerRole': `\n  role: WorkerRole${WORKER}`,
    });
    await write('extensions.yml', `functions:${FUNCTIONS}\nresources:${RESOURCES}`);
    await write('archive.yml', ARCHIVE);
    await write('functions/daily.ts', 'export const handler = async () => {};\n');
    template = await project.package('--param', 'longConnection=true');
  });
  afterAll(() => project.remove());

  it('those of the provider apply to the worker and to functions that the user adds', () => {
    const settings = {
      Architectures: ['x86_64'],
      Layers: [LAYER],
      VpcConfig: { SecurityGroupIds: ['sg-1'], SubnetIds: ['subnet-1', 'subnet-2'] },
      KmsKeyArn: KEY,
      TracingConfig: { Mode: 'Active' },
      Tags: [{ Key: 'team', Value: 'bots' }],
    };
    expect(propertiesOf('WorkerLambdaFunction')).toMatchObject({
      ...settings,
      EphemeralStorage: { Size: 2048 },
      ReservedConcurrentExecutions: 10,
      FileSystemConfigs: [{ Arn: FILE_SYSTEM, LocalMountPath: '/mnt/files' }],
    });
    expect(propertiesOf('DailyLambdaFunction')).toMatchObject({
      ...settings,
      EphemeralStorage: { Size: 4096 },
      ReservedConcurrentExecutions: 1,
    });
  });

  it('those of a function take precedence', () => {
    expect(propertiesOf('WebhookLambdaFunction')).toMatchObject({
      Architectures: ['arm64'],
      Layers: [OTHER_LAYER],
      VpcConfig: { SecurityGroupIds: ['sg-2'], SubnetIds: ['subnet-3'] },
      KmsKeyArn: { 'Fn::GetAtt': ['WebhookKey', 'Arn'] },
      TracingConfig: { Mode: 'PassThrough' },
      Tags: [{ Key: 'team', Value: 'web' }],
      EphemeralStorage: { Size: 1024 },
      ReservedConcurrentExecutions: 20,
    });
    expect(propertiesOf('SharedLambdaFunction')).not.toHaveProperty('VpcConfig');
  });

  it("the template's roles get the permissions that the settings require", () => {
    const actions = {
      ManageNetworkInterfaces: expect.arrayContaining(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']),
      Trace: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
      DecryptEnvironment: ['kms:Decrypt'],
    };
    expect(statementsOf('WorkerRole', 'WorkerLambdaFunction')).toMatchObject([
      { Sid: 'ManageNetworkInterfaces', Effect: 'Allow', Action: actions.ManageNetworkInterfaces, Resource: '*' },
      { Sid: 'Trace', Effect: 'Allow', Action: actions.Trace, Resource: '*' },
      { Sid: 'DecryptEnvironment', Effect: 'Allow', Action: actions.DecryptEnvironment, Resource: KEY },
      { Sid: 'MountFileSystem', Effect: 'Allow', Resource: FILE_SYSTEM },
    ]);
    expect(statementsOf('WebhookRole', 'WebhookLambdaFunction')).toMatchObject([
      { Sid: 'ManageNetworkInterfaces' },
      { Sid: 'Trace' },
      { Sid: 'DecryptEnvironment', Resource: { 'Fn::GetAtt': ['WebhookKey', 'Arn'] } },
    ]);
  });

  it('provider.iam.role applies to the worker, and its path, boundary and tags to all roles of the template', () => {
    expect(statementsOf('WorkerRole', 'provider')).toEqual([
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: 'arn:aws:s3:::my-files/*' },
    ]);
    expect(propertiesOf('WorkerRole')).toMatchObject({ ManagedPolicyArns: [READ_ONLY] });
    expect(propertiesOf('WebhookRole')).not.toHaveProperty('ManagedPolicyArns');
    expect(JSON.stringify(propertiesOf('WebhookRole'))).not.toContain('s3:GetObject');
    for (const name of ['WorkerRole', 'WebhookRole', 'ConnectionTaskRole', 'ConnectionExecutionRole']) {
      expect(propertiesOf(name)).toMatchObject({
        Path: '/bots/',
        PermissionsBoundary: BOUNDARY,
        Tags: [{ Key: 'owner', Value: 'bots' }],
      });
    }
    expect(propertiesOf('ReportRole')).toEqual({ AssumeRolePolicyDocument: {} });
  });

  it('a function without a role gets a role that works, but not access to the events', () => {
    expect(propertiesOf('DailyLambdaFunction')?.Role).toEqual({ 'Fn::GetAtt': ['IamRoleLambdaExecution', 'Arn'] });
    const role = propertiesOf('IamRoleLambdaExecution');
    expect(role).toMatchObject({ PermissionsBoundary: BOUNDARY, Path: '/bots/' });
    expect(role?.ManagedPolicyArns).toContain(READ_ONLY);
    const text = JSON.stringify(role);
    for (const part of [
      'logs:PutLogEvents',
      's3:GetObject',
      'kms:Decrypt',
      'xray:PutTraceSegments',
      'AWSLambdaVPCAccessExecutionRole',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('EventsQueue');
    expect(text).not.toContain('sqs:');
  });

  it('a function keeps its own role, and can share the role of the worker', () => {
    expect(propertiesOf('ReportLambdaFunction')?.Role).toEqual({ 'Fn::GetAtt': ['ReportRole', 'Arn'] });
    expect(propertiesOf('SharedLambdaFunction')?.Role).toEqual({ 'Fn::GetAtt': ['WorkerRole', 'Arn'] });
    expect(statementsOf('WorkerRole', 'SharedLambdaFunction')).toMatchObject([
      { Sid: 'Trace' },
      { Sid: 'DecryptEnvironment' },
      { Sid: 'Log', Resource: { 'Fn::GetAtt': ['SharedLogGroup', 'Arn'] } },
    ]);
  });

  it('provisioned concurrency runs a version, which gets the events and requests', async () => {
    for (const [name, executions] of Object.entries({ Worker: 3, Webhook: 2, Daily: 1 })) {
      expect(propertiesOf(`${name}ProvConcLambdaAlias`)).toMatchObject({
        ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: executions },
      });
    }
    // The doctor finds the mapping by this name.
    const mapping = propertiesOf('WorkerEventSourceMappingSQSEventsQueue');
    expect(JSON.stringify(mapping?.FunctionName)).toContain('"provisioned"');
    const integrations = Object.values(template.Resources).filter(
      ({ Type }) => Type === 'AWS::ApiGatewayV2::Integration',
    );
    expect(JSON.stringify(integrations)).toContain('"provisioned"');
    // The framework publishes a version if a function's own settings have changed. They refer to the secret's version.
    const state = JSON.parse(await readFile(path.join(project.folder, '.serverless/serverless-state.json'), 'utf8'));
    expect(state.service.functions.worker.environment).toMatchObject({
      FEISHU_APP_SECRET: expect.stringContaining('{{resolve:secretsmanager:feishu-events/dev:'),
    });
  });

  it("the user's conditions, mappings, rules and parameters are left to CloudFormation", () => {
    const condition = { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'ArchiveDays' }, 0] }] };
    expect(template).toMatchObject({
      Parameters: { ArchiveDays: { Type: 'Number', Default: 0 } },
      Mappings: { Sizes: { prod: { days: 30 } } },
      Rules: { Positive: { Assertions: [{ Assert: expect.anything() }] } },
      Conditions: {
        HasArchive: condition,
        HasPublicArchive: { 'Fn::And': [{ Condition: 'HasArchive' }, { 'Fn::Equals': ['true', 'true'] }] },
      },
      Outputs: { Archive: { Value: { 'Fn::If': ['HasArchive', { Ref: 'ArchiveBucket' }, 'none'] } } },
    });
    expect(template.Resources.ArchiveBucket).toMatchObject({
      Condition: 'HasArchive',
      Properties: {
        BucketName: { 'Fn::If': ['HasPublicArchive', 'public', { Ref: 'AWS::NoValue' }] },
        LifecycleConfiguration: { Rules: [{ ExpirationInDays: { 'Fn::FindInMap': ['Sizes', 'prod', 'days'] } }] },
      },
    });
    expect(template.Resources.DailyLambdaFunction?.Condition).toBe('HasArchive');
    expect(template.Resources.WebhookKey).not.toHaveProperty('Condition');
  });

  function statementsOf(role: string, policy: string): unknown {
    const { Policies } = propertiesOf(role) as { Policies: { PolicyName: string; PolicyDocument: Document }[] };
    return Policies.find(({ PolicyName }) => PolicyName === policy)?.PolicyDocument.Statement;
  }
});

interface Document {
  Statement: unknown[];
}

/** Returns `provider.iam.role.statements` of the example in docs/deploying.md. */
function documentedStatements(): string {
  const document = readDocuments().find(({ name }) => name === 'docs/deploying.md');
  const example = document?.codeBlocks.find(({ lang, text }) => lang === 'yaml' && text.includes('iam:'));
  return example?.text.slice(example.text.indexOf('      statements:')).trimEnd() ?? '';
}
