import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeployOptions } from '../../lib/deploy/options.ts';
import { secretReferences } from '../../lib/deploy/secrets/secret-references.ts';
import { ensureSecret, type StageSecret, saveSecrets } from '../../lib/deploy/secrets/secrets.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';

const VALUE = 'sk-the-value';

describe("A handler's secret", () => {
  let root: string;
  let server: HttpServer;
  let secret: StageSecret;
  let stored: Record<string, string> | undefined;
  let notices: string[];

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-secrets-'));
    stored = undefined;
    notices = [];
    server = await startHttpServer('127.0.0.1', 0, ({ headers }, body) => {
      const action = String(headers['x-amz-target']).split('.')[1];
      const { SecretString } = JSON.parse(body.toString());
      if (SecretString !== undefined) stored = JSON.parse(SecretString);
      if (stored === undefined) return { statusCode: 400, headers: {}, body: '{"__type":"ResourceNotFoundException"}' };
      const content = action === 'GetSecretValue' ? { SecretString: JSON.stringify(stored) } : {};
      return { statusCode: 200, headers: {}, body: JSON.stringify({ ARN: 'arn:secret', VersionId: '1', ...content }) };
    });
    secret = {
      client: new SecretsManagerClient({
        endpoint: server.origin,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      }),
      name: 'feishu-events/dev',
      stage: 'dev',
      root,
      options: { webhook: true, longConnection: false } as DeployOptions,
      handlerSecrets: ['OPENAI_API_KEY'],
      notice: (text) => notices.push(text),
    };
  });
  afterEach(async () => {
    secret.client.destroy();
    await server.stop();
    await rm(root, { recursive: true });
  });

  const writeEnvironment = (text: string) => writeFile(path.join(root, '.env'), `FEISHU_ENCRYPT_KEY=key\n${text}`);

  it('is stored by `serverless secrets`, which prints only its name', async () => {
    await writeEnvironment(`OPENAI_API_KEY=${VALUE}\nOTHER=not listed\n`);
    await saveSecrets(secret);
    expect(stored).toEqual({ FEISHU_ENCRYPT_KEY: 'key', OPENAI_API_KEY: VALUE });
    expect(notices.join()).toContain('OPENAI_API_KEY');
    expect(notices.join()).not.toContain(VALUE);
  });

  it('may start with the prefix of values that npm start generates for the webhook', async () => {
    await writeEnvironment('OPENAI_API_KEY=local-model\n');
    await saveSecrets(secret);
    expect(stored).toMatchObject({ OPENAI_API_KEY: 'local-model' });
  });

  it('is created by the first deployment', async () => {
    await writeEnvironment(`OPENAI_API_KEY=${VALUE}\n`);
    expect((await ensureSecret(secret)).values).toMatchObject({ OPENAI_API_KEY: VALUE });
  });

  it.each(Object.entries({ saveSecrets, ensureSecret }))('must have a value for %s', async (_, command) => {
    await writeEnvironment('OPENAI_API_KEY=\n');
    await expect(command(secret)).rejects.toThrow('extensions.yml needs secrets that have no value: OPENAI_API_KEY.');
    expect(stored).toBeUndefined();
  });

  it('must be in the stored secret before a deployment', async () => {
    stored = { FEISHU_ENCRYPT_KEY: 'key' };
    await writeEnvironment(`OPENAI_API_KEY=${VALUE}\n`);
    await expect(ensureSecret(secret)).rejects.toThrow(
      'OPENAI_API_KEY. The secret feishu-events/dev contains FEISHU_ENCRYPT_KEY. Add the missing values to .env and run: npx serverless secrets --stage dev',
    );
  });

  it("is referenced by the secret's version, never by its value", () => {
    const values = { OPENAI_API_KEY: VALUE };
    const references = secretReferences(secret.name, { arn: 'arn:secret', versionId: '7', values }, ['OPENAI_API_KEY']);
    expect(references['Secret::OPENAI_API_KEY']).toBe(
      '{{resolve:secretsmanager:feishu-events/dev:SecretString:OPENAI_API_KEY::7}}',
    );
    expect(JSON.stringify(references)).not.toContain(VALUE);
  });
});
