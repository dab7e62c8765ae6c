import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyPlan, checkApp, printPlan } from '../../lib/app/app-command.ts';
import { KeyRotation, type KeyStore } from '../../lib/app/key-rotation.ts';
import { PlatformApp } from '../../lib/app/platform-app.ts';
import { unpublishedChangesOf } from '../../lib/app/unpublished-changes.ts';
import { readWebhookSecrets } from '../../lib/config.ts';
import type { WebhookRequest } from '../../lib/feishu/request.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { createRequestHandler } from '../../lib/webhook/webhook.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { interruptible } from './interruptible.ts';
import { MemoryKeys } from './memory-keys.ts';

const OLD = { encryption_key: 'old-encrypt-key', verification_token: 'old-verification-token' };
const OLD_VALUES = { FEISHU_ENCRYPT_KEY: OLD.encryption_key, FEISHU_VERIFICATION_TOKEN: OLD.verification_token };
const EVENT = {
  schema: '2.0',
  header: { event_id: 'e-1', event_type: 'im.chat.updated_v1', create_time: '1', app_id: 'cli_1', tenant_key: 't' },
  event: {},
};
const HOURS = 60 * 60 * 1000;

let mock: MockAppConfiguration;
let app: PlatformApp;
let store: MemoryKeys;
let webhook: HttpServer;
let url: string;
let accepted: number;
let time: number;
let printed: string[];
let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
beforeEach(async () => {
  mock = await MockAppConfiguration.start();
  mock.granted = ['im:message:send_as_bot'];
  mock.keys = OLD;
  app = await PlatformApp.create(mock.credentials);
  store = new MemoryKeys(OLD_VALUES);
  webhook = await startWebhook();
  url = `${webhook.origin}/feishu/events`;
  mock.app = {
    event: { subscription_type: 'webhook', request_url: url, subscribed_events: ['im.chat.updated_v1'] },
    callback: {},
    encryption: OLD,
    online_version_id: 'oav_1',
  };
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-keys-'));
  time = Date.parse('2026-01-01T00:00:00Z');
  printed = [];
});
afterEach(async () => {
  await Promise.all([mock[Symbol.asyncDispose](), webhook.stop(), folder.remove()]);
});

/** The deployed webhook with the keys that are active. */
async function startWebhook(): Promise<HttpServer> {
  accepted = 0;
  const handle = createRequestHandler({
    configure: () => ({
      secrets: readWebhookSecrets(store.active),
      intake: async () => {
        accepted += 1;
        return undefined;
      },
    }),
    callbackTypes: new Set(),
    storeUnreadable: async () => {},
    writeLog: () => {},
  });
  return startHttpServer('127.0.0.1', 0, ({ headers }, body) =>
    handle(toHttpEvent({ headers: headers as WebhookRequest['headers'], body })),
  );
}

interface RunOptions {
  renews?: boolean;
  keys?: KeyStore;
  platformApp?: PlatformApp;
}

function optionsFor({ renews = false, keys = store, platformApp = app }: RunOptions = {}) {
  return {
    app: platformApp,
    target: {
      requirements: { events: ['im.chat.updated_v1'], eventsV1: [], callbacks: [], scopes: [], unknown: [] },
      requestUrl: url,
      keys: new KeyRotation({ store: keys, requestUrl: url, renews, now: () => time }),
      prunes: false,
      sendsUnknown: false,
    },
    unpublished: unpublishedChangesOf(folder.path, mock.appId),
    applyCommand: 'npm run app -- apply',
    print: (line: string) => void printed.push(line),
    confirm: async () => true,
  };
}
const apply = (options?: RunOptions) => applyPlan(optionsFor(options));
const deliver = (keys = mock.keys) => mock.send(url, EVENT, { keys });

describe('A rotation of the keys', () => {
  it('sets new keys on both sides, and then accepts events that were signed with either', async () => {
    expect(await apply({ renews: true })).toBe(true);
    expect(mock.keys).not.toMatchObject(OLD);
    expect(mock.keys.encryption_key).toMatch(/^[0-9a-f]{32}$/);
    expect(mock.keys.verification_token).toMatch(/^[0-9a-f]{32}$/);
    expect(store.stored.FEISHU_ENCRYPT_KEY).toBe(`${mock.keys.encryption_key},${OLD.encryption_key}`);
    expect(await deliver()).toBe(200);
    expect(await deliver(OLD)).toBe(200);
    expect(await checkApp(optionsFor())).toBe(true);
    const secrets = [...Object.values(mock.keys), ...Object.values(OLD)];
    for (const secret of secrets) expect(printed.join('\n')).not.toContain(secret);
  });

  it('keeps the previous keys for 72 hours, then removes them', async () => {
    await apply({ renews: true });
    time += 72 * HOURS - 1;
    printed = [];
    expect(await printPlan(optionsFor())).toBe(true);
    expect(printed).toEqual([
      '? The webhook still accepts the previous keys. From 2026-01-04 00:00 UTC on, apply removes them.',
      'The app is configured as the handlers need it.',
    ]);
    expect(await deliver(OLD)).toBe(200);
    time += 1;
    printed = [];
    expect(await apply()).toBe(true);
    expect(printed[0]).toBe('- previous Encrypt Key and Verification Token');
    expect(await deliver(OLD)).toBe(401);
    expect(await deliver()).toBe(200);
    printed = [];
    expect(await apply()).toBe(true);
    expect(printed).toEqual(['The app is configured as the handlers need it.']);
  });

  it.each([
    ['reports its keys', true, false],
    ['does not report its keys', false, false],
    ['reviews versions', false, true],
  ])('loses no event wherever it is killed, if the platform %s', async (_, reportsKeys, hasReview) => {
    mock.reportsKeys = reportsKeys;
    mock.hasReview = hasReview;
    const sent = new Set([mock.keys]);
    let isFinished = false;
    for (let limit = 0; !isFinished; limit += 1) {
      let operations = 0;
      const interrupt = () => {
        operations += 1;
        if (operations > limit) throw new Error('killed');
      };
      // Each run is killed one operation later than the one before it.
      const run = apply({
        renews: true,
        keys: interruptible(store, ['write', 'activate'], interrupt),
        platformApp: interruptible(app, ['configure', 'publish'], interrupt),
      });
      isFinished = await run.then(
        () => true,
        (error) => {
          expect(error).toMatchObject({ message: 'killed' });
          return false;
        },
      );
      sent.add(mock.keys);
      if (hasReview && (mock.app as { unaudit_version_id?: string }).unaudit_version_id) mock.approve();
      sent.add(mock.keys);
      // The platform may send events of any moment again.
      for (const keys of sent) expect(await deliver(keys)).toBe(200);
    }
    expect(await apply()).toBe(true);
    expect(await checkApp(optionsFor())).toBe(true);
    expect(store.stored.FEISHU_ENCRYPT_KEY?.split(',')[0]).toBe(mock.keys.encryption_key);
    expect(accepted).toBeGreaterThan(0);
  });

  it('does not give the platform new keys before the webhook accepts them', async () => {
    store.isActivatable = false;
    await expect(apply({ renews: true })).rejects.toThrow(
      'does not accept the new keys yet, so the platform keeps the present ones. Deploy it.',
    );
    expect(mock.keys).toEqual(OLD);
    expect(await deliver()).toBe(200);
    expect(await checkApp(optionsFor())).toBe(false);
    expect(printed).toContain('✗ The change of the Encrypt Key and the Verification Token is not finished');
    const generated = store.stored.FEISHU_ENCRYPT_KEY;
    store.active = { ...store.stored };
    expect(await apply({ renews: true })).toBe(true);
    expect(store.stored.FEISHU_ENCRYPT_KEY).toBe(generated);
    expect(await deliver()).toBe(200);
  });

  it('says that the webhook does not respond', async () => {
    await webhook.stop();
    await expect(apply({ renews: true })).rejects.toThrow(/^The webhook at \S+ does not respond \(ECONNREFUSED\)\.$/);
    expect(mock.keys).toEqual(OLD);
    webhook = await startWebhook();
  });

  it('waits for the administrator, and does not send the same keys for review again', async () => {
    mock.hasReview = true;
    expect(await apply({ renews: true })).toBe(false);
    expect(mock.keys).toEqual(OLD);
    expect(await deliver()).toBe(200);
    mock.approve();
    expect(await deliver()).toBe(200);
    printed = [];
    expect(await apply()).toBe(true);
    expect(printed).toEqual([
      '~ Encrypt Key and Verification Token: the new ones are in use',
      '✓ Encrypt Key and Verification Token: the new ones are in use',
    ]);
    expect(await deliver(OLD)).toBe(200);
  });

  it('continues with the same keys after the administrator has rejected the version', async () => {
    mock.hasReview = true;
    await apply({ renews: true });
    const [generated] = store.stored.FEISHU_ENCRYPT_KEY?.split(',') ?? [];
    delete (mock.app as Record<string, unknown>).unaudit_version_id;
    mock.hasReview = false;
    expect(await apply()).toBe(true);
    expect(mock.keys.encryption_key).toBe(generated);
    expect(await deliver()).toBe(200);
  });

  it('can be repeated at once, and then accepts all keys that events may be signed with', async () => {
    await apply({ renews: true });
    const second = mock.keys;
    await apply({ renews: true });
    expect(mock.keys).not.toEqual(second);
    for (const keys of [OLD, second, mock.keys]) expect(await deliver(keys)).toBe(200);
  });

  it.each([
    ['Verification Token', { FEISHU_VERIFICATION_TOKEN: OLD.verification_token }],
    ['Encrypt Key', { FEISHU_ENCRYPT_KEY: OLD.encryption_key }],
  ])('of a webhook with only one %s changes only this one', async (_, values) => {
    store.stored = { ...values };
    store.active = { ...values };
    const { encryption_key, verification_token } = OLD;
    mock.keys = 'FEISHU_ENCRYPT_KEY' in values ? OLD : { verification_token };
    (mock.app as Record<string, unknown>).encryption = mock.keys;
    const before = mock.keys;
    await apply({ renews: true });
    expect(await deliver(before)).toBe(200);
    expect(await deliver()).toBe(200);
    expect(mock.keys.encryption_key === encryption_key).toBe(false);
  });
});

describe('A webhook without keys', () => {
  beforeEach(() => {
    store.stored = { FEISHU_ENCRYPT_KEY: 'local-random', FEISHU_VERIFICATION_TOKEN: 'local-random' };
    store.active = { ...store.stored };
    mock.verifiesUrls = true;
    mock.app = { event: { subscription_type: 'websocket', subscribed_events: [] }, online_version_id: 'oav_1' };
  });

  it.each([true, false])('gets them with the configuration (if the platform reports its own: %s)', async (reports) => {
    if (reports) Object.assign(mock.app, { encryption: OLD });
    expect(await apply()).toBe(true);
    expect(mock.app).toMatchObject({ event: { subscription_type: 'webhook', request_url: url } });
    expect(store.stored.FEISHU_ENCRYPT_KEY).not.toContain('local-');
    expect(await deliver()).toBe(200);
    printed = [];
    expect(await checkApp(optionsFor())).toBe(true);
  });

  it('does not take over the events of another webhook while the platform signs them with unknown keys', async () => {
    mock.app = { event: { subscription_type: 'webhook', request_url: 'https://example.com/other' } };
    await expect(apply()).rejects.toThrow('The app sends its events to https://example.com/other, with keys that');
    expect(mock.requests.filter((request) => request.includes('/v7/'))).toEqual([]);
  });
});
