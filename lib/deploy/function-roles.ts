import { DeploymentError } from './deployment-error.ts';
import type { Provider, Resource, Serverless, Template } from './serverless.ts';

/** The framework's role for functions without one. The template's functions have roles in deploy/roles.yml. */
const DEFAULT_ROLE = 'IamRoleLambdaExecution';
const WORKER_ROLE = 'WorkerRole';
const FUNCTION_ROLES = [WORKER_ROLE, 'WebhookRole', 'ApprovalsRole'];
const CONNECTION_ROLES = ['ConnectionTaskRole', 'ConnectionExecutionRole'];

interface Statement {
  Sid?: string;
  Effect: 'Allow';
  Action: string[];
  Resource: unknown;
}

/** `provider.iam.role`, unless it is an existing role. */
interface DefaultRole {
  name?: string;
  path?: string;
  statements?: unknown[];
  managedPolicies?: unknown[];
  permissionsBoundary?: unknown;
  permissionBoundary?: unknown;
  tags?: Record<string, string>;
}

/**
 * Applies the framework's settings to the template's roles. The framework itself adds them, and the permissions that a
 * function's settings require, only to its default role.
 *
 * - The worker's role gets the statements and managed policies of `provider.iam.role`.
 * - Each role of the template gets its permissions boundary, path and tags.
 * - The role of each function with `vpc`, `tracing`, `kmsKeyArn`, `fileSystemConfig` or its own log group gets the
 *   permissions that they require.
 *
 * @param service the service with its compiled template, which is changed in place
 * @throws {DeploymentError} if `provider.iam.role` contains a setting that would apply to no function
 */
export function completeRoles({ functions, provider }: Serverless['service']): void {
  const { Resources: resources } = provider.compiledCloudFormationTemplate;
  const { name, path, ...settings } = readDefaultRole(provider);
  const statements = settings.statements ?? provider.iamRoleStatements;
  const managedPolicies = settings.managedPolicies ?? provider.iamManagedPolicies;
  const boundary = settings.permissionsBoundary ?? settings.permissionBoundary ?? provider.rolePermissionsBoundary;
  const tags = Object.entries(settings.tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
  if (Object.values(functions).every(({ role }) => role !== undefined)) {
    const isForWorker = functions.worker?.role === WORKER_ROLE;
    rejectIneffectiveSettings(provider, { name, additions: isForWorker ? undefined : (statements ?? managedPolicies) });
  }
  const worker = propertiesOf(resources, WORKER_ROLE);
  if (statements) addPolicy(worker, 'provider', statements);
  if (managedPolicies) append(worker, 'ManagedPolicyArns', managedPolicies);
  for (const id of [...FUNCTION_ROLES, ...CONNECTION_ROLES]) {
    const role = propertiesOf(resources, id);
    if (boundary !== undefined) role.PermissionsBoundary ??= boundary;
    if (path !== undefined) role.Path ??= path;
    if (tags.length > 0) append(role, 'Tags', tags);
  }
  for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
    const role = roleOf(Properties);
    if (Type !== 'AWS::Lambda::Function' || role === undefined || !FUNCTION_ROLES.includes(role)) continue;
    const required = requiredStatements(Properties, sharedLogGroup(resources, id, role));
    if (required.length > 0) addPolicy(propertiesOf(resources, role), id, required);
  }
  withdrawEventsQueue(resources);
}

function readDefaultRole(provider: Provider): DefaultRole {
  return isExistingRole(provider.iam?.role) ? {} : ((provider.iam?.role ?? {}) as DefaultRole);
}

function isExistingRole(role: unknown): boolean {
  return typeof role === 'string' || Object.keys(role ?? {}).some((key) => key.includes('::'));
}

/**
 * Rejects settings that apply only to functions without a role, because there are none.
 *
 * @throws {DeploymentError} if any is set
 */
function rejectIneffectiveSettings(
  provider: Provider,
  { name, additions }: { name: unknown; additions: unknown },
): void {
  if (isExistingRole(provider.iam?.role) || provider.role !== undefined) {
    throw new DeploymentError(
      'The role in provider.iam.role would apply to no function: the worker and the webhook have their own roles. To ' +
        'give the worker more permissions, use provider.iam.role.statements or managedPolicies. To run it with an ' +
        'existing role, set functions.worker.role; the role needs all permissions of WorkerRole in deploy/roles.yml.',
    );
  }
  if (name !== undefined) {
    throw new DeploymentError(
      'provider.iam.role.name would apply to no role: all functions have their own roles. Remove it.',
    );
  }
  if (additions !== undefined) {
    throw new DeploymentError(
      'The statements or managed policies of provider.iam.role would apply to no function: the worker has the role in ' +
        'functions.worker.role. Add them to that role.',
    );
  }
}

/** Returns the logical id of a function's role, `undefined` if the role is not in the template. */
function roleOf(properties: Resource['Properties']): string | undefined {
  const { 'Fn::GetAtt': [role] = [] } = (properties?.Role ?? {}) as { 'Fn::GetAtt'?: string[] };
  return role;
}

/** Returns the logical id of a function's log group if the function uses the role of another function. */
function sharedLogGroup(resources: Template['Resources'], functionId: string, role: string): string | undefined {
  const logGroup = functionId.replace(/LambdaFunction$/, 'LogGroup');
  const isShared = functionId !== role.replace(/Role$/, 'LambdaFunction');
  return isShared && logGroup in resources ? logGroup : undefined;
}

/**
 * Returns the permissions that a function's settings require of its role.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 * https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-filesystem.html
 */
function requiredStatements(properties: Record<string, unknown>, logGroup: string | undefined): Statement[] {
  const { VpcConfig, TracingConfig, KmsKeyArn, FileSystemConfigs, LoggingConfig } = properties;
  const statements: Statement[] = [];
  const allow = (Sid: string, Action: string[], Resource: unknown) =>
    statements.push({ Sid, Effect: 'Allow', Action, Resource });
  // EC2 and X-Ray do not support resources here.
  if (VpcConfig !== undefined) allow('ManageNetworkInterfaces', NETWORK_INTERFACE_ACTIONS, '*');
  if (TracingConfig !== undefined) allow('Trace', ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*');
  if (KmsKeyArn !== undefined) allow('DecryptEnvironment', ['kms:Decrypt'], KmsKeyArn);
  if (FileSystemConfigs !== undefined) {
    const [{ Arn }] = FileSystemConfigs as [{ Arn: unknown }];
    allow('MountFileSystem', ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'], Arn);
  }
  const logActions = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  const { LogGroup: customLogGroup } = (LoggingConfig ?? {}) as { LogGroup?: string };
  if (customLogGroup !== undefined) {
    const arn = `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${customLogGroup}:*`;
    allow('Log', logActions, { 'Fn::Sub': arn });
  } else if (logGroup !== undefined) allow('Log', logActions, { 'Fn::GetAtt': [logGroup, 'Arn'] });
  return statements;
}

const NETWORK_INTERFACE_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/** The framework's default role may consume the queues of all functions. Only the worker may consume the events. */
function withdrawEventsQueue(resources: Template['Resources']): void {
  const { Policies: [policy] = [] } = propertiesOf(resources, DEFAULT_ROLE) as {
    Policies?: { PolicyDocument: { Statement: Statement[] } }[];
  };
  if (policy === undefined) return;
  const { PolicyDocument: document } = policy;
  const isConsumer = ({ Action }: Statement) =>
    String(Action) === 'sqs:ReceiveMessage,sqs:DeleteMessage,sqs:GetQueueAttributes';
  const isEventsQueue = (arn: { 'Fn::GetAtt'?: unknown }) => String(arn['Fn::GetAtt']) === 'EventsQueue,Arn';
  // The framework adds its statement after the user's.
  const statement = document.Statement.findLast(isConsumer);
  if (statement === undefined || !Array.isArray(statement.Resource)) return;
  const others = statement.Resource.filter((arn) => !isEventsQueue(arn));
  if (others.length > 0) statement.Resource = others;
  else document.Statement = document.Statement.filter((candidate) => candidate !== statement);
}

function propertiesOf(resources: Template['Resources'], name: string): Record<string, unknown> {
  return resources[name]?.Properties ?? {};
}

function addPolicy(role: Record<string, unknown>, PolicyName: string, Statement: unknown[]): void {
  append(role, 'Policies', [{ PolicyName, PolicyDocument: { Version: '2012-10-17', Statement } }]);
}

function append(role: Record<string, unknown>, property: string, items: unknown[]): void {
  role[property] = [...((role[property] as unknown[] | undefined) ?? []), ...items];
}
