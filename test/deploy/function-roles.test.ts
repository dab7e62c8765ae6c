import { describe, expect, it } from 'vitest';
import { completeRoles } from '../../lib/deploy/function-roles.ts';
import type { FunctionDefinition, Provider, Resource } from '../../lib/deploy/serverless.ts';

const worker = { handler: 'functions/worker.handler', role: 'WorkerRole' };
const daily = { handler: 'functions/daily.handler' };

/** Completes the role of the worker, and returns it. */
function completeWorkerRole(
  settings: Omit<Provider, 'compiledCloudFormationTemplate'>,
  functions: Record<string, FunctionDefinition> = { worker },
  functionProperties: object = {},
): Resource['Properties'] {
  const compiledCloudFormationTemplate = {
    Resources: {
      WorkerRole: { Type: 'AWS::IAM::Role', Properties: { Policies: [] } },
      WorkerLambdaFunction: {
        Type: 'AWS::Lambda::Function',
        Properties: { Role: { 'Fn::GetAtt': ['WorkerRole', 'Arn'] }, ...functionProperties },
      },
      WorkerLogGroup: { Type: 'AWS::Logs::LogGroup' },
    },
  };
  completeRoles({ service: 'feishu-events', functions, provider: { ...settings, compiledCloudFormationTemplate } });
  return compiledCloudFormationTemplate.Resources.WorkerRole.Properties;
}

const policy = (PolicyName: string, Statement: unknown[]) => ({
  PolicyName,
  PolicyDocument: { Version: '2012-10-17', Statement },
});

describe('completeRoles', () => {
  it('changes nothing without settings', () => {
    expect(completeWorkerRole({})).toEqual({ Policies: [] });
  });

  it('accepts the older names of the settings', () => {
    const settings = { iamRoleStatements: [{}], iamManagedPolicies: ['policy'], rolePermissionsBoundary: 'boundary' };
    expect(completeWorkerRole(settings)).toEqual({
      Policies: [policy('provider', [{}])],
      ManagedPolicyArns: ['policy'],
      PermissionsBoundary: 'boundary',
    });
  });

  it("allows a function to write to the log group that it is given instead of the framework's", () => {
    const functionProperties = { LoggingConfig: { LogGroup: '/bots' } };
    expect(completeWorkerRole({}, { worker }, functionProperties)).toMatchObject({
      Policies: [
        policy('WorkerLambdaFunction', [
          {
            Sid: 'Log',
            Effect: 'Allow',
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: {
              'Fn::Sub': `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/bots:*`,
            },
          },
        ]),
      ],
    });
  });

  it.each(['arn:aws:iam::123456789012:role/bots', { 'Fn::ImportValue': 'Role' }])(
    'rejects the existing role %j if it would apply to no function',
    (role) => {
      const instead = /provider\.iam\.role\.statements or managedPolicies.* functions\.worker\.role/;
      expect(() => completeWorkerRole({ iam: { role } })).toThrow(instead);
      expect(() => completeWorkerRole({ role })).toThrow(instead);
      expect(completeWorkerRole({ iam: { role } }, { worker, daily })).toEqual({ Policies: [] });
    },
  );

  it('rejects statements and managed policies if they would apply to no function', () => {
    const functions = { worker: { ...worker, role: 'arn:aws:iam::123456789012:role/bots' } };
    for (const role of [{ statements: [{}] }, { managedPolicies: ['policy'] }]) {
      expect(() => completeWorkerRole({ iam: { role } }, functions)).toThrow('Add them to that role.');
      completeWorkerRole({ iam: { role } }, { ...functions, daily });
    }
  });

  it('rejects the name of a role if it would apply to none', () => {
    const iam = { role: { name: 'bots' } };
    expect(() => completeWorkerRole({ iam })).toThrow('provider.iam.role.name would apply to no role');
    expect(completeWorkerRole({ iam }, { worker, daily })).toEqual({ Policies: [] });
  });
});
