import { Readable } from 'node:stream';
import { type AttributeValue, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CTenantAccessToken, internalCache, withUserAccessToken } from '@larksuiteoapi/node-sdk';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { createSharedToken, type SharedToken } from '../../lib/api-client/shared-token.ts';
import { createStoredTokens } from '../../lib/store/stored-tokens.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { PlatformApi } from '../support/platform-api.ts';

type StoredItem = Record<string, AttributeValue>;

const TOKEN_PATH = '/open-apis/auth/v3/tenant_access_token/internal';
const MINUTE = 60 * 1000;

describe('The token of a self-built app', () => {
  const aws = emulatedAws();
  let platform: PlatformApi;
  let shared: SharedToken;

  beforeEach(async () => {
    platform = await PlatformApi.start();
    onTestFinished(() => platform[Symbol.asyncDispose]());
    shared = newSharedToken();
  });

  const newSharedToken = (client = new DynamoDBClient()) =>
    createSharedToken(createStoredTokens(client, aws.emulators.claimsTable));

  /** Continues in another environment, whose memory is empty. */
  const startEnvironment = async () => {
    await internalCache.set(CTenantAccessToken, '', 1, { namespace: platform.appId });
    shared = newSharedToken();
  };

  const { log, lines } = createLogCapture();
  const clientOf = (environment: Record<string, string> = platform.environment) => {
    const time = { remainingMilliseconds: () => 60_000, signal: new AbortController().signal };
    return createLazyClient(environment, log, undefined, time, undefined, shared);
  };
  const message = { receive_id: 'oc_1', msg_type: 'text', content: '{"text":"hello"}' };
  const send = (environment?: Record<string, string>) =>
    clientOf(environment).im.message.create({ params: { receive_id_type: 'chat_id' }, data: message });
  const fetches = () => platform.calls.filter((call) => call === TOKEN_PATH).length;
  const tokensUsed = () => platform.sent.map(({ tenant }) => tenant);

  const keyOf = (appId = platform.appId) => ({ id: { S: `token#${appId}` } });
  const storedItem = async (): Promise<StoredItem> => {
    const { Item } = await aws.emulators.dynamo.send(
      new GetItemCommand({ TableName: aws.emulators.claimsTable, Key: keyOf() }),
    );
    return Item ?? {};
  };
  const store = async (item: StoredItem, appId?: string) => {
    const Item = { ...item, ...keyOf(appId) };
    await aws.emulators.dynamo.send(new PutItemCommand({ TableName: aws.emulators.claimsTable, Item }));
  };

  it('is fetched once for all environments', async () => {
    await send();
    await send();
    await startEnvironment();
    await send();
    expect(tokensUsed()).toEqual(['own', 'own', 'own']);
    expect(fetches()).toBe(1);
  });

  it('is encrypted in the table', async () => {
    platform.tenantToken = 't-of-which-nobody-may-know';
    await send();
    const { sealed, expiration } = await storedItem();
    const bytes = Buffer.from(sealed?.B ?? []);
    expect(bytes).toHaveLength(12 + 16 + platform.tenantToken.length);
    expect(bytes.toString('latin1')).not.toContain('nobody');
    // The SDK uses it until three minutes before its end.
    const seconds = Number(expiration?.N) - Date.now() / 1000;
    expect(seconds).toBeGreaterThan(100 * 60);
    expect(seconds).toBeLessThanOrEqual(117 * 60);
  });

  it('is fetched again if it expires in less than ten minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    await send();
    vi.setSystemTime(Date.now() + 106 * MINUTE);
    await startEnvironment();
    await send();
    expect(fetches()).toBe(1);
    vi.setSystemTime(Date.now() + 2 * MINUTE);
    platform.tenantToken = 't-next';
    await startEnvironment();
    await send();
    await startEnvironment();
    await send();
    expect(fetches()).toBe(2);
    expect(tokensUsed()).toEqual(['own', 'own', 'next', 'next']);
  });

  it('does not replace one that expires later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    await send();
    const item = await storedItem();
    vi.setSystemTime(Date.now() - 5 * MINUTE);
    await createStoredTokens(new DynamoDBClient(), aws.emulators.claimsTable).write(
      platform.appId,
      { sealed: Buffer.from('another'), expiration: Number(item.expiration?.N) - 300 },
      false,
      new AbortController().signal,
    );
    expect(await storedItem()).toEqual(item);
  });

  it('is fetched and stored again after the app secret or the domain has changed', async () => {
    const environments = [platform.environment, { ...platform.environment, FEISHU_APP_SECRET: 'a new secret' }];
    await send(environments[0]);
    const first = await storedItem();
    await startEnvironment();
    Object.assign(platform, { appSecret: 'a new secret' });
    await send(environments[1]);
    const second = await storedItem();
    expect(second).not.toEqual(first);
    await startEnvironment();
    await send(environments[1]);
    expect(fetches()).toBe(2);
    await startEnvironment();
    const domain = platform.environment.FEISHU_DOMAIN?.replace('127.0.0.1', 'localhost') ?? '';
    await send({ ...platform.environment, FEISHU_DOMAIN: domain });
    expect(fetches()).toBe(3);
  });

  it.each([
    [
      'was cut off',
      (item: StoredItem) => ({ ...item, sealed: { B: Buffer.from(item.sealed?.B ?? []).subarray(0, 20) } }),
    ],
    ['is empty', (item: StoredItem) => ({ ...item, sealed: { B: new Uint8Array([0]) } })],
    ['has another type', (item: StoredItem) => ({ ...item, sealed: { S: 't-own' } })],
    ['was changed', (item: StoredItem) => ({ ...item, sealed: { B: Buffer.from(item.sealed?.B ?? []).fill(7, 30) } })],
    ['has a later end', (item: StoredItem) => ({ ...item, expiration: { N: `${Number(item.expiration?.N) + 60}` } })],
  ])('is fetched and stored again if the item %s', async (_, change) => {
    await send();
    await store(change(await storedItem()));
    await startEnvironment();
    await send();
    await startEnvironment();
    await send();
    expect(fetches()).toBe(2);
    expect(tokensUsed()).toEqual(['own', 'own', 'own']);
  });

  it('is not accepted for another app, even if the secret is the same', async () => {
    await send();
    const item = await storedItem();
    Object.assign(platform, { appId: 'cli_another' });
    await store(item);
    await send();
    expect(fetches()).toBe(2);
  });

  it('is fetched if DynamoDB fails, and the log says so without the token', async () => {
    platform.tenantToken = 't-secret-token';
    shared = newSharedToken(new DynamoDBClient({ endpoint: 'http://127.0.0.1:1', maxAttempts: 1 }));
    await send();
    expect(tokensUsed()).toEqual(['secret-token']);
    expect(lines.map((line) => line.message)).toEqual([
      'The shared token could not be read. Another one is fetched',
      'The token could not be shared',
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret-token');
  });

  it.each([400, 200])('is replaced for all environments if the platform rejects it with status %i', async (status) => {
    platform.revokedStatus = status;
    await send();
    platform.revokedTokens.add('t-own');
    platform.tenantToken = 't-new';
    await send();
    expect(tokensUsed()).toEqual(['own', 'new']);
    await startEnvironment();
    await send();
    expect(tokensUsed()).toEqual(['own', 'new', 'new']);
    expect(fetches()).toBe(2);
  });

  it('is replaced by an environment that took it from the table', async () => {
    await send();
    await startEnvironment();
    platform.revokedTokens.add('t-own');
    platform.tenantToken = 't-new';
    await Promise.all([send(), send()]);
    expect(tokensUsed()).toEqual(['own', 'new', 'new']);
    await startEnvironment();
    const fetched = fetches();
    await send();
    expect(tokensUsed().at(-1)).toBe('new');
    expect(fetches()).toBe(fetched);
  });

  it('is fetched once more if the platform returns a rejected one, and the call fails', async () => {
    await send();
    platform.revokedTokens.add('t-own');
    await expect(send()).rejects.toThrow('400');
    expect(fetches()).toBe(2);
    expect(platform.calls.filter((call) => call.includes('/messages'))).toHaveLength(2);
  });

  it('is replaced by the next call if the rejected one contains a stream', async () => {
    await send();
    platform.revokedTokens.add('t-own');
    platform.tenantToken = 't-new';
    const image = Readable.from(['picture']) as never;
    const upload = clientOf().im.image.create({ data: { image_type: 'message', image } });
    await expect(upload).rejects.toThrow('400');
    await send();
    expect(tokensUsed()).toEqual(['own', 'new']);
  });

  it('is kept if the platform rejects a token that the handler passed', async () => {
    await send();
    platform.revokedTokens.add('t-of-the-handler');
    const call = clientOf().im.message.create(
      { params: { receive_id_type: 'chat_id' }, data: message },
      withUserAccessToken('t-of-the-handler'),
    );
    await expect(call).rejects.toThrow('400');
    await send();
    expect(fetches()).toBe(1);
  });
});
