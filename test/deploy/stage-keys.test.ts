import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyRotation } from '../../lib/app/key-rotation.ts';
import { PlatformApp } from '../../lib/app/platform-app.ts';
import { readWebhookSecrets } from '../../lib/config.ts';
import type { DeployOptions } from '../../lib/deploy/options.ts';
import { ensureSecret, saveSecrets } from '../../lib/deploy/secrets/secrets.ts';
import { stageKeys } from '../../lib/deploy/secrets/stage-keys.ts';
import type { WebhookRequest } from '../../lib/feishu/request.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { createRequestHandler } from '../../lib/webhook/webhook.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { createDeployedStack } from '../support/deployed-stack.ts';
import { toHttpEvent } from '../support/http-events.ts';

const OLD = { FEISHU_ENCRYPT_KEY: 'old-encrypt-key', FEISHU_VERIFICATION_TOKEN: 'old-verification-token' };
const CREDENTIALS = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'app-secret' };
const NAME = 'feishu-events/dev';

/** AWS, as far as the keys need it: one secret, and functions with environment variables. */
let aws: HttpServer;
let secret: Record<string, string> | undefined;
let functions: Record<string, { variables: Record<string, string>; revision: number; status: string }>;
let requests: string[];
let clients: { secrets: SecretsManagerClient; lambda: LambdaClient };
beforeEach(async () => {
  secret = { ...CREDENTIALS, ...OLD };
  functions = {
    webhook: { variables: { QUEUE_URL: 'q', ...OLD }, revision: 1, status: 'Successful' },
    worker: { variables: { CLAIMS_TABLE: 't' }, revision: 1, status: 'Successful' },
  };
  requests = [];
  aws = await startHttpServer('127.0.0.1', 0, ({ method, url = '', headers }, body) => {
    const respond = (content: object, statusCode = 200) => ({
      statusCode,
      headers: {},
      body: JSON.stringify(content),
    });
    const action = headers['x-amz-target'] as string | undefined;
    requests.push(action?.split('.')[1] ?? `${method} ${url}`);
    if (action !== undefined) {
      const { SecretString } = JSON.parse(body.toString());
      if (SecretString !== undefined) secret = JSON.parse(SecretString);
      if (secret === undefined) return respond({ __type: 'ResourceNotFoundException' }, 400);
      return respond({ ARN: 'arn:secret', VersionId: '1', SecretString: JSON.stringify(secret) });
    }
    const found = functions[url.split('/')[3] ?? ''];
    if (found === undefined) return respond({ Message: 'not found' }, 404);
    const configuration = () => ({
      Environment: { Variables: found.variables },
      RevisionId: `${found.revision}`,
      LastUpdateStatus: found.status,
    });
    if (method === 'GET') {
      const response = respond({ Configuration: configuration() });
      // The update takes a moment.
      found.status = 'Successful';
      return response;
    }
    const { Environment, RevisionId } = JSON.parse(body.toString());
    if (RevisionId !== `${found.revision}`) return respond({ Message: 'The Revision Id provided does not match' }, 412);
    Object.assign(found, { variables: Environment.Variables, revision: found.revision + 1, status: 'InProgress' });
    return respond(configuration());
  });
  const config = {
    endpoint: aws.origin,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  };
  clients = { secrets: new SecretsManagerClient(config), lambda: new LambdaClient(config) };
});
afterEach(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await aws.stop();
});

const keys = () => {
  const stack = { ...createDeployedStack({}), physicalIdsOf: () => Object.keys(functions) };
  return stageKeys({ ...clients, secretName: NAME, stack, stage: 'dev' });
};

describe("A stage's keys", () => {
  it('are stored in its secret, whose other values stay', async () => {
    await keys().write({ FEISHU_ENCRYPT_KEY: 'new,old-encrypt-key', FEISHU_KEY_ROTATION: 'sending' });
    expect(secret).toEqual({
      ...CREDENTIALS,
      ...OLD,
      FEISHU_ENCRYPT_KEY: 'new,old-encrypt-key',
      FEISHU_KEY_ROTATION: 'sending',
    });
  });

  it('are set in the functions that have them, whose other variables stay, until the update has succeeded', async () => {
    await keys().activate({ FEISHU_ENCRYPT_KEY: 'new,old-encrypt-key' });
    expect(functions.webhook).toEqual({
      variables: { QUEUE_URL: 'q', ...OLD, FEISHU_ENCRYPT_KEY: 'new,old-encrypt-key' },
      revision: 2,
      status: 'Successful',
    });
    expect(functions.worker?.revision).toBe(1);
    requests.length = 0;
    await keys().activate({ FEISHU_ENCRYPT_KEY: 'new,old-encrypt-key' });
    expect(requests.filter((request) => !request.startsWith('GET'))).toEqual([]);
  });

  it('are rotated without a deployment', async () => {
    await using platform = await MockAppConfiguration.start();
    platform.app = { encryption: {}, online_version_id: 'oav_1' };
    const handle = createRequestHandler({
      configure: () => ({
        secrets: readWebhookSecrets(functions.webhook?.variables ?? {}),
        intake: async () => undefined,
      }),
      callbackTypes: new Set(),
      storeUnreadable: async () => {},
      writeLog: () => {},
    });
    const webhook = await startHttpServer('127.0.0.1', 0, ({ headers }, body) =>
      handle(toHttpEvent({ headers: headers as WebhookRequest['headers'], body })),
    );
    try {
      const app = await PlatformApp.create(platform.credentials);
      const rotation = new KeyRotation({ store: keys(), requestUrl: webhook.origin, renews: true, now: Date.now });
      await rotation.take('renew', app, await app.readConfiguration());
      await app.publish('New keys');
      await rotation.recordPublication(undefined);
      const verification = { type: 'url_verification', challenge: 'challenge' };
      const old = { encryption_key: OLD.FEISHU_ENCRYPT_KEY, verification_token: OLD.FEISHU_VERIFICATION_TOKEN };
      expect(platform.keys).not.toEqual(old);
      for (const used of [old, platform.keys]) {
        expect(await platform.send(webhook.origin, verification, { isSigned: false, keys: used })).toBe(200);
      }
      expect(secret?.FEISHU_ENCRYPT_KEY).toBe(functions.webhook?.variables.FEISHU_ENCRYPT_KEY);
      expect(Date.parse(secret?.FEISHU_KEY_ROTATION ?? '')).not.toBeNaN();
    } finally {
      await webhook.stop();
    }
  });
});

describe('The secret of a stage', () => {
  const stageSecret = (root: string, notices: string[], configureApp = true) => ({
    client: clients.secrets,
    name: NAME,
    stage: 'dev',
    root,
    options: { webhook: true, longConnection: false, configureApp } as DeployOptions,
    handlerSecrets: [],
    notice: (text: string) => void notices.push(text),
  });

  it('gets generated keys if the deployment configures the app, instead of the random ones for local use', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-stage-'));
    await writeFile(
      path.join(folder.path, '.env'),
      'FEISHU_APP_ID=cli_1\nFEISHU_APP_SECRET=s\nFEISHU_ENCRYPT_KEY=local-random\n',
    );
    secret = undefined;
    const notices: string[] = [];
    await ensureSecret(stageSecret(folder.path, notices));
    expect(secret).toEqual({
      FEISHU_APP_ID: 'cli_1',
      FEISHU_APP_SECRET: 's',
      FEISHU_ENCRYPT_KEY: expect.stringMatching(/^[0-9a-f]{32}$/),
      FEISHU_VERIFICATION_TOKEN: expect.stringMatching(/^[0-9a-f]{32}$/),
      FEISHU_KEY_ROTATION: 'sending',
    });
    expect(notices[0]).toContain('Generating FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN');
    secret = undefined;
    await expect(ensureSecret(stageSecret(folder.path, [], false))).rejects.toThrow('configureApp=true');
  });

  it('keeps generated keys although .env contains older ones', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-stage-'));
    await writeFile(path.join(folder.path, '.env'), 'FEISHU_APP_SECRET=changed\nFEISHU_ENCRYPT_KEY=old-encrypt-key\n');
    secret = { ...CREDENTIALS, ...OLD, FEISHU_ENCRYPT_KEY: 'generated', FEISHU_KEY_ROTATION: 'done' };
    const notices: string[] = [];
    await saveSecrets(stageSecret(folder.path, notices));
    expect(secret).toMatchObject({ FEISHU_APP_SECRET: 'changed', FEISHU_ENCRYPT_KEY: 'generated' });
    expect(notices[0]).toContain('keeps its FEISHU_ENCRYPT_KEY: they were generated');
  });
});
