import { describe, expect, it } from 'vitest';
import { parseExtensions } from '../../lib/build/extensions.ts';
import { applyExtensions, applyParameters, checkCallbackClient } from '../../lib/deploy/apply-extensions.ts';
import type { Serverless } from '../../lib/deploy/serverless.ts';

describe('The parameters in extensions.yml', () => {
  const apply = (params: Record<string, Record<string, unknown>>) => {
    const configuration = {
      params: { default: { workerTimeout: 60, domain: 'feishu' } },
      custom: { extensions: { params } },
    };
    applyParameters(configuration);
    return configuration.params;
  };

  it("override the template's defaults, and add stages and own parameters", () => {
    expect(apply({ default: { workerTimeout: 300, ownTable: 'notes' }, prod: { workerTimeout: 900 } })).toEqual({
      default: { workerTimeout: 300, domain: 'feishu', ownTable: 'notes' },
      prod: { workerTimeout: 900 },
    });
  });

  it('must not be misspelled', () => {
    expect(() => apply({ default: { workerTimeot: 300 } })).toThrow(
      '`params.default` in extensions.yml contains workerTimeot. The parameter is workerTimeout.',
    );
  });
});

describe('applyExtensions', () => {
  const apply = (extensions: object, role: unknown) => {
    const worker: Serverless['service']['functions'][string] = {
      handler: 'functions/worker.handler',
      environment: { CLAIMS_TABLE: 'table' },
    };
    const provider = { iam: { role }, compiledCloudFormationTemplate: { Resources: {} } };
    applyExtensions({ service: 'example', functions: { worker }, provider }, parseExtensions(extensions));
    return { worker, role: provider.iam.role };
  };

  it("adds permissions to the user's own in serverless.yml", () => {
    const { role } = apply({ iamStatements: [{ Sid: 'Two' }] }, { path: '/bots/', statements: [{ Sid: 'One' }] });
    expect(role).toEqual({ path: '/bots/', statements: [{ Sid: 'One' }, { Sid: 'Two' }] });
  });

  it.each(['arn:aws:iam::123456789012:role/existing', { 'Fn::GetAtt': ['Role', 'Arn'] }])(
    'rejects permissions for the existing role %j',
    (role) => {
      expect(() => apply({ iamStatements: [{}] }, role)).toThrow('Add them to that role.');
    },
  );

  const callbackVariables = (callbacks: object) => {
    const functions: Serverless['service']['functions'] = {
      webhook: { handler: 'functions/webhook.handler' },
      worker: { handler: 'functions/worker.handler', environment: { FEISHU_DOMAIN: 'https://open.larksuite.com' } },
    };
    const provider = { compiledCloudFormationTemplate: { Resources: {} } };
    applyExtensions({ service: 'example', functions, provider }, parseExtensions({ callbacks }));
    return functions.webhook?.environment;
  };

  it("gives the webhook the app's credentials and the worker's domain only together with the client", () => {
    expect(callbackVariables({ feishu: true })).toEqual({
      FEISHU_APP_ID: { Ref: 'Secret::FEISHU_APP_ID' },
      FEISHU_APP_SECRET: { Ref: 'Secret::FEISHU_APP_SECRET' },
      FEISHU_DOMAIN: 'https://open.larksuite.com',
    });
    expect(callbackVariables({})).toEqual({});
  });

  it('rejects the client in callback handlers of a store app', () => {
    const check = (feishu: boolean, appType: 'self' | 'store') =>
      checkCallbackClient(parseExtensions({ callbacks: { feishu } }), { appType });
    expect(() => check(true, 'store')).toThrow('`callbacks.feishu` in extensions.yml does not work with appType=store');
    check(true, 'self');
    check(false, 'store');
  });

  it("never replaces the template's variables", () => {
    const { worker } = apply({ secrets: ['OPENAI_API_KEY'], environment: { MODEL: 'small' } }, undefined);
    expect(worker.environment).toEqual({
      CLAIMS_TABLE: 'table',
      MODEL: 'small',
      OPENAI_API_KEY: { Ref: 'Secret::OPENAI_API_KEY' },
    });
  });
});
