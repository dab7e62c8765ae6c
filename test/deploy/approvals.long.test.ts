import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { createGateway } from '../../lib/local/gateway.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { createProject, type Project } from './support/project.ts';

const OPTIONS = `import { onApprovalOptions } from '#feishu-events';

export default onApprovalOptions({ token: process.env.CUSTOMERS_TOKEN }, () => ({ options: [{ id: '1', text: 'Acme' }] }));
`;
const QUICK_APPROVAL = `import { ApprovalError, onQuickApproval } from '#feishu-events';

export default onQuickApproval({ token: process.env.EXPENSES_TOKEN, key: process.env.EXPENSES_KEY }, ({ task_id }) => {
  if (task_id === undefined) throw new ApprovalError('Which task?');
});
`;
const EXTENSIONS = `secrets: [OPENAI_API_KEY]
approvals:
  secrets: [CUSTOMERS_TOKEN, EXPENSES_TOKEN]
  environment: { REGION: north }
  iamStatements: [{ Effect: Allow, Action: 'dynamodb:GetItem', Resource: '*' }]
`;

describe('A service with modules in functions/handlers/approvals', () => {
  let project: Project;
  let output: string;
  beforeAll(async () => {
    project = await createProject();
    const folder = path.join(project.folder, 'functions/handlers/approvals');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'customers.ts'), OPTIONS);
    await writeFile(path.join(folder, 'expenses-2.new_form.ts'), QUICK_APPROVAL);
    await writeFile(path.join(project.folder, 'extensions.yml'), EXTENSIONS);
    const result = await project.serverless('package');
    expect(result.code, result.output).toBe(0);
    output = result.output;
  });
  afterAll(() => project.remove());

  it('has a route for each module, all to one function', async () => {
    const { Resources } = await project.template();
    const routes = Object.values(Resources).filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Route');
    expect(routes.map(({ Properties }) => Properties?.RouteKey).toSorted()).toEqual([
      'POST /feishu/approvals/customers',
      'POST /feishu/approvals/expenses-2.new_form',
      'POST /feishu/events',
    ]);
    const targetOf = (key: string) => routes.find(({ Properties }) => Properties?.RouteKey === key)?.Properties?.Target;
    const target = targetOf('POST /feishu/approvals/customers');
    expect(JSON.stringify(target)).toContain('HttpApiIntegrationApprovals');
    expect(targetOf('POST /feishu/approvals/expenses-2.new_form')).toEqual(target);
  });

  it('gives the function its own secrets and permissions, and no other function these secrets', async () => {
    const { Resources } = await project.template();
    const variablesOf = (name: string) => {
      const environment = Resources[`${name}LambdaFunction`]?.Properties?.Environment as
        | { Variables: object }
        | undefined;
      return Object.keys(environment?.Variables ?? {}).toSorted();
    };
    const ofProvider = ['LOG_LEVEL', 'POWERTOOLS_SERVICE_NAME', 'QUEUE_URL'];
    expect(variablesOf('Approvals')).toEqual(['CUSTOMERS_TOKEN', 'EXPENSES_TOKEN', 'REGION', ...ofProvider].toSorted());
    for (const other of ['Webhook', 'Worker']) {
      expect(variablesOf(other)).not.toEqual(expect.arrayContaining(['CUSTOMERS_TOKEN']));
    }
    const { Policies } = (Resources.ApprovalsRole?.Properties ?? {}) as { Policies?: Policy[] };
    expect(Policies?.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)).toEqual([
      {
        Sid: 'Log',
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': ['ApprovalsLogGroup', 'Arn'] },
      },
      { Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: '*' },
    ]);
    expect(Resources.ApprovalsLambdaFunction?.Properties?.Role).toEqual({ 'Fn::GetAtt': ['ApprovalsRole', 'Arn'] });
  });

  it('warns about a secret that a module reads and the deployment does not set', () => {
    expect(output).toContain('process.env.EXPENSES_KEY, which the deployment does not set for the function approvals');
    expect(output).toContain('under `approvals` in extensions.yml');
    expect(output).not.toContain('process.env.CUSTOMERS_TOKEN');
  });

  it('responds over HTTP from its artifact, which contains nothing else', async () => {
    const zip = await openPromise(path.join(project.folder, '.serverless/approvals.zip'));
    const files: string[] = [];
    for await (const { fileName } of zip.eachEntry()) files.push(fileName);
    expect(files.toSorted()).toEqual(['.build/approvals.mjs', '.build/approvals.mjs.map']);

    Object.assign(process.env, { CUSTOMERS_TOKEN: 'token c', EXPENSES_TOKEN: 'token e', EXPENSES_KEY: 'key e' });
    const { handler } = await import(path.join(project.folder, '.build/approvals.mjs'));
    const gateway = createGateway({ invokeWebhook: handler, findApproval: async () => handler, listEvents: () => [] });
    const server = await startHttpServer('127.0.0.1', 0, gateway);
    const post = async (name: string, body: object) => {
      const url = `${server.origin}/feishu/approvals/${name}`;
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    };
    try {
      const options = await post('customers', { token: 'token c', employee_id: 'e' });
      expect(options).toMatchObject({ status: 200, body: { code: 0, data: { result: { options: [{ id: '1' }] } } } });
      expect(await post('customers', { token: 'token e' })).toMatchObject({ status: 401 });
      const decide = (approval: object) =>
        post('expenses-2.new_form', { encrypt: encrypt(JSON.stringify({ ...approval, token: 'token e' }), 'key e') });
      expect(await decide({ action_type: 'APPROVE', task_id: 't' })).toEqual({ status: 200, body: {} });
      expect(await decide({ action_type: 'APPROVE' })).toMatchObject({ status: 422, body: { message: 'Which task?' } });
      expect(await post('missing', {})).toMatchObject({ status: 404 });
    } finally {
      await server.stop();
    }
  });

  it('is not packaged without the HTTP API', async () => {
    const parameters = ['webhook=false', 'longConnection=true'].flatMap((parameter) => ['--param', parameter]);
    const { code, output } = await project.serverless('package', ...parameters);
    expect(output).toContain('Remove webhook=false');
    expect(code).toBe(1);
  });
});

it('A service without such modules has neither the function nor its role', async () => {
  const project = await createProject();
  try {
    const { Resources } = await project.package();
    expect(Object.keys(Resources).filter((name) => /approval/i.test(name))).toEqual([]);
    expect(Resources.WebhookRole).toBeDefined();
  } finally {
    await project.remove();
  }
});

interface Policy {
  PolicyDocument: { Statement: object[] };
}
