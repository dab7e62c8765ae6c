import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { request as sendRequest } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Template } from '../../lib/deploy/serverless.ts';
import { type Ministack, type RecordedRequest, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { runOrThrow } from './support/run.ts';
import { SECRETS } from './support/secrets.ts';

// The policy has two parts. What CloudFormation does with the role's credentials is compared with CloudFormation's own
// definition of each resource type, which cfn-lint contains: the emulator's CloudFormation does not check permissions. What
// the framework, the plugin and the doctor do themselves runs on the emulator with a role that has only this policy.

/** For properties and services that the template does not use. */
const UNUSED = [
  /^(kms|kinesis|firehose|s3tables|s3files|elasticfilesystem):/,
  /^dynamodb:(\w+Item|Query|Scan|\w*Replica|ImportTable|DescribeImport|PutResourcePolicy|DeleteResourcePolicy|(Enable|Disable|Update)KinesisStreamingDestination|UpdateContributorInsights)$/,
  /^ec2:(\w*VpnGateways?|\w*Ingress|(Associate|Disassociate)SubnetCidrBlock|CreateVpcEncryptionControl|ModifyVpcTenancy|DescribeVpcEncryptionControls)$/,
  /^ecs:(PutAccountSetting(Default)?|UpdateClusterSettings)$/,
  /^iam:(AttachRolePolicy|DetachRolePolicy|\w+RolePermissionsBoundary)$/,
  /^lambda:(AssociateRuntimeAlias|\w*CodeSigningConfig|GetLayerVersion|PassCapacityProvider|PublishVersion|Put(FunctionRecursionConfig|FunctionScalingConfig|RuntimeManagementConfig))$/,
  /^logs:(PutBearerTokenAuthentication|\w+DataProtectionPolicy|\w+IndexPolicy|PutLogGroupDeletionProtection|DeleteResourcePolicy|(Associate|Disassociate)KmsKey|CreateLogStream|DescribeLogStreams|PutLogEvents)$/,
  /^s3:(REST\.|CreateBucketMetadata|DeleteBucket\w+|UpdateBucketMetadata|PutObject\w+|getObject|GetObject(Version|Metadata)|GetBucketAcl)/,
  /^s3:Put(?!BucketPublicAccessBlock|EncryptionConfiguration|BucketTagging|BucketPolicy|Object$)/,
  /^sns:PutDataProtectionPolicy$/,
];

/** Actions that neither CloudFormation's definitions list nor the emulator calls, with what needs them. */
const NOT_PROVEN = {
  'cloudformation:CreateStack': 'deploy, with `deploymentMethod: direct`',
  'cloudformation:UpdateStack': 'deploy, with `deploymentMethod: direct`, or after somebody deleted the bucket',
  'ec2:DescribeAvailabilityZones': 'CloudFormation, for Fn::GetAZs',
  'logs:DeleteLogDelivery': 'API Gateway, for the access log',
  'logs:GetLogDelivery': 'API Gateway, for the access log',
  'logs:ListLogDeliveries': 'API Gateway, for the access log',
  'logs:UpdateLogDelivery': 'API Gateway, for the access log',
  's3:DeleteObjectVersion': 'remove, if the bucket has versioning',
  's3:ListBucketVersions': 'remove, if the bucket has versioning',
  'sqs:SendMessage': 'the doctor, without a webhook',
};

const PARAMETERS = ['--param', 'longConnection=true', '--param', 'alarmEmail=someone@example.com'];

let project: Project;
let template: Template;
let policy: { Version: string; Statement: { Action: string[] }[] };
let actions: string[];
beforeAll(async () => {
  project = await createProject();
  template = await project.package(...PARAMETERS);
  policy = JSON.parse(await readFile(path.join(project.folder, '.serverless/deployer-policy.json'), 'utf8'));
  actions = policy.Statement.flatMap(({ Action }) => Action);
});
afterAll(() => project.remove());

interface Definition {
  typeName?: string;
  handlers?: Record<string, { permissions: string[] }>;
}

/** Returns what CloudFormation needs for each type, to create, read, update and delete a resource. */
async function requiredActions(): Promise<Map<string, string[]>> {
  const python = path.join(path.dirname(pythonTool('cfn-lint')), 'python');
  const print = 'import cfnlint, os; print(os.path.dirname(cfnlint.__file__))';
  const folderOfPackage = await runOrThrow(python, ['-c', print], { environment: { PATH: process.env.PATH ?? '' } });
  const folder = path.join(folderOfPackage.trim(), 'data/schemas/resources');
  const definitions = new Map<string, string[]>();
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.json'))) {
    const { typeName, handlers = {} }: Definition = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    if (typeName === undefined || definitions.has(typeName)) continue;
    const used = Object.entries(handlers).filter(([handler]) => handler !== 'list');
    definitions.set(
      typeName,
      used.flatMap(([, { permissions }]) => permissions),
    );
  }
  return definitions;
}

const usedTypes = () => [...new Set(Object.values(template.Resources).map(({ Type }) => Type))];

test("the policy contains what CloudFormation needs for each of the template's resources", async () => {
  const required = await requiredActions();
  const types = usedTypes();
  expect(types.length).toBeGreaterThan(25);
  for (const type of types) {
    expect(required.get(type)?.length, type).toBeGreaterThan(0);
    const missing = required.get(type)?.filter((action) => !actions.includes(action)) ?? [];
    expect(
      missing.filter((action) => !UNUSED.some((pattern) => pattern.test(action))),
      type,
    ).toEqual([]);
  }
});

describe('A role with only this policy', () => {
  const ROLE = ['--role-name', 'deployer'];
  let ministack: Ministack;
  let deployer: Project;
  let credentials: Record<string, string>;
  const requests = new Map<string, RecordedRequest>();
  /** A request that needs the action. */
  const calls = new Map<string, RecordedRequest>();

  beforeAll(async () => {
    ministack = await startMinistack((request) => {
      const { method, path: target, headers, body } = request;
      if (!headers.authorization?.includes(`${credentials?.AWS_ACCESS_KEY_ID}/`)) return;
      // One request of each kind is enough.
      const action = headers['x-amz-target'] ?? new URLSearchParams(body.toString()).get('Action');
      requests.set([method, action ?? target.replaceAll(/\d{6,}/g, '')].join(' '), request);
    });
    const Principal = { AWS: '000000000000' };
    const trust = { Version: policy.Version, Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }] };
    const created = ['--assume-role-policy-document', JSON.stringify(trust)];
    const { Role } = await ministack.aws('iam', 'create-role', ...ROLE, ...created);
    await allow(() => true);
    const session = ['--role-arn', Role.Arn, '--role-session-name', 'test'];
    const { Credentials } = await ministack.aws('sts', 'assume-role', ...session);
    credentials = {
      AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
      AWS_SESSION_TOKEN: Credentials.SessionToken,
    };
    deployer = await createProject({ ...ministack.environment, ...credentials });
    await deployer.writeEnvironment(SECRETS);
  });
  afterAll(async () => {
    await ministack.stop();
    await deployer.remove();
  });

  /** Gives the role only those of its actions. */
  async function allow(isAllowed: (action: string) => boolean): Promise<void> {
    const statements = policy.Statement.map((statement) => ({
      ...statement,
      Action: statement.Action.filter(isAllowed),
    }));
    // A policy without statements is invalid.
    const nothing = { Effect: 'Allow', Action: ['none:None'], Resource: ['*'] };
    const Statement = [...statements.filter(({ Action }) => Action.length > 0), nothing];
    const document = ['--policy-name', 'deployer', '--policy-document', JSON.stringify({ ...policy, Statement })];
    await ministack.aws('iam', 'put-role-policy', ...ROLE, ...document);
  }

  const succeed = async (...args: string[]) => {
    const { code, output } = await deployer.serverless(...args);
    expect(code, output).toBe(0);
    return output;
  };

  /** Sends a request again, and returns the action that the role lacks for it. */
  async function deniedAction({ method, path: target, headers, body }: RecordedRequest): Promise<string | undefined> {
    const request = sendRequest(`${ministack.endpoint}${target}`, { method, headers });
    request.end(body);
    const [response] = await once(request, 'response');
    return /not authorized to perform: ([\w:]+)/.exec(await text(response))?.[1];
  }

  /**
   * Sends the requests again, which the role may no longer send, to learn the action of each one. Then removes only this
   * action: the request fails as well. A denied request changes nothing.
   */
  async function proveActions(): Promise<void> {
    const known = new Set(calls.keys());
    await allow(() => false);
    for (const request of requests.values()) {
      const action = await deniedAction(request);
      if (action !== undefined && !calls.has(action)) calls.set(action, request);
    }
    for (const [action, request] of calls) {
      if (known.has(action)) continue;
      await allow((other) => other !== action);
      expect(await deniedAction(request)).toBe(action);
    }
    await allow(() => true);
    requests.clear();
  }

  test('deploys, updates and checks the stack, and cannot without any one of the actions used', async () => {
    await succeed('deploy', ...PARAMETERS);
    await deployer.writeEnvironment({ ...SECRETS, FEISHU_ENCRYPT_KEY: 'other-key-of-the-test' });
    await succeed('secrets');
    await succeed('deploy', '--param', 'alarmEmail=none');
    expect((await deployer.serverless('doctor', 'stack')).output).not.toMatch(/AccessDenied|not authorized/);
    await proveActions();
    expect(calls.size).toBeGreaterThan(15);
  });

  test('removes the stack and deploys it again, and cannot without any one of the actions used', async () => {
    await succeed('remove', '--yes');
    // Restores the secret.
    await succeed('deploy');
    await proveActions();
    expect([...calls.keys()]).toContain('secretsmanager:RestoreSecret');
  });

  test('has no other action, except those listed above', async () => {
    const required = new Set(
      [...(await requiredActions()).entries()].flatMap(([type, list]) => (usedTypes().includes(type) ? list : [])),
    );
    const unexplained = actions.filter((action) => !required.has(action) && !calls.has(action));
    expect(unexplained.toSorted()).toEqual(Object.keys(NOT_PROVEN).toSorted());
  });
});
