import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Template } from '../../lib/deploy/serverless.ts';
import { createProject, type Project } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { runOrThrow } from './support/run.ts';

// Compares the policy with the actions that CloudFormation's own definition of each resource type lists. cfn-lint contains
// these definitions.

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

let project: Project;
let template: Template;
let actions: string[];
beforeAll(async () => {
  project = await createProject();
  template = await project.package('--param', 'longConnection=true', '--param', 'alarmEmail=someone@example.com');
  const policy = JSON.parse(await readFile(path.join(project.folder, '.serverless/deployer-policy.json'), 'utf8'));
  actions = policy.Statement.flatMap(({ Action }: { Action: string[] }) => Action);
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

test("the policy contains what CloudFormation needs for each of the template's resources", async () => {
  const required = await requiredActions();
  const types = [...new Set(Object.values(template.Resources).map(({ Type }) => Type))];
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
