import type { Ministack } from './ministack.ts';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string;
}

interface Evaluation {
  EvalActionName: string;
  EvalDecision: string;
}

export type Role = Awaited<ReturnType<typeof findRole>>;

/** Finds a role of the only stack, to change its policy while its functions or tasks run. */
export async function findRole({ aws }: Ministack, logicalName: string) {
  const { Roles } = await aws('iam', 'list-roles');
  const { RoleName, Arn } = Roles.find(({ RoleName }: { RoleName: string }) => RoleName.includes(`-${logicalName}-`));
  const role = ['--role-name', RoleName];
  const { PolicyNames } = await aws('iam', 'list-role-policies', ...role);
  if (PolicyNames.length !== 1) throw new Error(`${RoleName} has ${PolicyNames.length} policies`);
  const policy = [...role, '--policy-name', PolicyNames[0]];
  const { PolicyDocument } = await aws('iam', 'get-role-policy', ...policy);
  const statements: Statement[] = PolicyDocument.Statement;
  const write = (document: unknown) =>
    aws('iam', 'put-role-policy', ...policy, '--policy-document', JSON.stringify(document));

  return {
    statements,
    actions: statements.flatMap(({ Action }) => Action),

    /** Removes actions from the role's policy, which otherwise stays as deployed. */
    async without(...actions: string[]): Promise<void> {
      const remaining = statements.map((statement) => ({
        ...statement,
        Action: [statement.Action].flat().filter((action) => !actions.includes(action)),
      }));
      await write({ ...PolicyDocument, Statement: remaining.filter(({ Action }) => Action.length > 0) });
    },

    /** Removes the statements about resources whose ARN contains a text. */
    async withoutResource(text: string): Promise<void> {
      const remaining = statements.filter(({ Resource }) => !Resource.includes(text));
      await write({ ...PolicyDocument, Statement: remaining });
    },

    /** Restores the policy as deployed. */
    restore: () => write(PolicyDocument),

    /** Returns the actions that the role's policy allows on a resource. */
    async simulate(actions: readonly string[], resource: string): Promise<string[]> {
      const simulation = ['--action-names', ...actions, '--resource-arns', resource];
      const { EvaluationResults } = await aws(
        'iam',
        'simulate-principal-policy',
        '--policy-source-arn',
        Arn,
        ...simulation,
      );
      return EvaluationResults.filter(({ EvalDecision }: Evaluation) => EvalDecision === 'allowed').map(
        ({ EvalActionName }: Evaluation) => EvalActionName,
      );
    },

    /** Returns credentials of the role. Its trust policy is extended, because it trusts only an AWS service. */
    async assume(): Promise<Record<string, string>> {
      const { Role } = await aws('iam', 'get-role', ...role);
      const trust = Role.AssumeRolePolicyDocument;
      const account = { Effect: 'Allow', Principal: { AWS: Arn.split(':')[4] }, Action: 'sts:AssumeRole' };
      const document = JSON.stringify({ ...trust, Statement: [...trust.Statement, account] });
      await aws('iam', 'update-assume-role-policy', ...role, '--policy-document', document);
      const { Credentials } = await aws('sts', 'assume-role', '--role-arn', Arn, '--role-session-name', 'test');
      return {
        AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
        AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
        AWS_SESSION_TOKEN: Credentials.SessionToken,
      };
    },
  };
}
