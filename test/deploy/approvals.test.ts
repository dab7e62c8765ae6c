import { expect, it } from 'vitest';
import { parseExtensions } from '../../lib/build/extensions.ts';
import { applyExtensions, extendApprovals } from '../../lib/deploy/apply-extensions.ts';
import { applyApprovals } from '../../lib/deploy/approvals.ts';

const functionsWith = (handler = 'functions/approvals.handler') => ({ approvals: { handler } });

it('The function for approvals is not deployed without a module', () => {
  const functions = functionsWith();
  applyApprovals(functions, [], { webhook: false });
  expect(functions).toEqual({});
});

it('The function for approvals gets a route for each module', () => {
  const functions = functionsWith();
  applyApprovals(functions, ['customers', 'a.b'], { webhook: true });
  expect(functions.approvals).toMatchObject({
    events: [{ httpApi: 'POST /feishu/approvals/customers' }, { httpApi: 'POST /feishu/approvals/a.b' }],
  });
});

it('Modules for approvals are rejected if there is no HTTP API', () => {
  expect(() => applyApprovals(functionsWith(), ['customers'], { webhook: false })).toThrow('Remove webhook=false');
});

it.each([[[]], [['customers']]])(
  'A function of the user called approvals is rejected with the modules %j',
  (modules) => {
    const functions = functionsWith('functions/mine.handler');
    expect(() => applyApprovals(functions, modules, { webhook: true })).toThrow(
      'Give the one in extensions.yml another name',
    );
  },
);

it('Only the function for approvals gets the section approvals of extensions.yml', () => {
  const iamStatements = [{ Sid: 'Own' }];
  const extensions = parseExtensions({
    approvals: { secrets: ['TOKEN', 'FEISHU_APP_SECRET'], environment: { MODEL: 'a' }, iamStatements },
  });
  const functions = { ...functionsWith(), webhook: { handler: 'w' }, worker: { handler: 'w' } };
  const roles = () => ({ Type: 'AWS::IAM::Role', Properties: { Policies: [] as object[] } });
  const template = { Resources: { ApprovalsRole: roles(), WebhookRole: roles() } };
  applyExtensions({ service: 's', functions, provider: { compiledCloudFormationTemplate: template } }, extensions);
  extendApprovals(template, extensions.approvals);
  expect(functions).toMatchObject({
    approvals: {
      environment: {
        MODEL: 'a',
        TOKEN: { Ref: 'Secret::TOKEN' },
        FEISHU_APP_SECRET: { Ref: 'Secret::FEISHU_APP_SECRET' },
      },
    },
    webhook: { environment: {} },
    worker: { environment: {} },
  });
  expect(template.Resources.WebhookRole.Properties.Policies).toEqual([]);
  expect(template.Resources.ApprovalsRole.Properties.Policies).toEqual([
    { PolicyName: 'approvals', PolicyDocument: { Version: '2012-10-17', Statement: iamStatements } },
  ]);
});
