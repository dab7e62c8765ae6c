import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyPlan, checkApp, printPlan } from '../../lib/app/app-command.ts';
import { KeyRotation } from '../../lib/app/key-rotation.ts';
import type { Target } from '../../lib/app/plan.ts';
import { PlatformApp } from '../../lib/app/platform-app.ts';
import { unpublishedChangesOf } from '../../lib/app/unpublished-changes.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { interruptible } from './interruptible.ts';
import { MemoryKeys } from './memory-keys.ts';

const URL = 'https://example.com/feishu/events';
const SECRETS = { FEISHU_ENCRYPT_KEY: 'encrypt-key-of-the-stage', FEISHU_VERIFICATION_TOKEN: 'token-of-the-stage' };
const keysOf = (values: Record<string, string>) =>
  new KeyRotation({ store: new MemoryKeys(values), requestUrl: URL, renews: false, now: Date.now });
const TARGET: Target = {
  requirements: {
    events: ['im.chat.updated_v1', 'im.message.receive_v1'],
    eventsV1: [],
    callbacks: ['card.action.trigger'],
    scopes: [{ anyOf: ['im:message:send_as_bot', 'im:message'], neededBy: ['im.message.reply'] }],
    unknown: [],
  },
  requestUrl: undefined,
  keys: undefined,
  prunes: false,
  sendsUnknown: false,
};

let mock: MockAppConfiguration;
let app: PlatformApp;
let printed: string[];
let confirms: boolean;
let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
beforeEach(async () => {
  mock = await MockAppConfiguration.start();
  mock.app = {
    event: { subscription_type: 'websocket', subscribed_events: [] },
    callback: { callback_type: 'websocket', subscribed_callbacks: [] },
    encryption: {},
    online_version_id: 'oav_1',
  };
  app = await PlatformApp.create(mock.credentials);
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-app-'));
  printed = [];
  confirms = true;
});
afterEach(async () => {
  await mock[Symbol.asyncDispose]();
  await folder.remove();
});

function optionsFor(target: Partial<Target>) {
  return {
    app,
    target: { ...TARGET, ...target },
    unpublished: unpublishedChangesOf(folder.path, mock.appId),
    applyCommand: 'npm run app -- apply',
    print: (line: string) => void printed.push(line),
    confirm: async () => confirms,
  };
}
const apply = (target: Partial<Target> = {}) => applyPlan(optionsFor(target));
const plan = (target: Partial<Target> = {}) => printPlan(optionsFor(target));
const changesSent = () => mock.requests.filter((request) => /^(PATCH|POST) .*\/v7\//.test(request)).length;

describe('The plan', () => {
  it('lists what the app lacks, and sends no change', async () => {
    mock.hasBot = false;
    expect(await plan()).toBe(false);
    expect(printed).toEqual([
      '+ feature Bot',
      '+ scope im:message:send_as_bot',
      '+ event im.chat.updated_v1',
      '+ event im.message.receive_v1',
      '+ callback card.action.trigger',
      '+ a published version',
    ]);
    expect(changesSent()).toBe(0);
  });

  it('for a webhook, contains the mode, the URL and the encryption, without showing the secrets', async () => {
    await plan({ requestUrl: URL, keys: keysOf(SECRETS) });
    expect(printed).toContain('~ Encrypt Key and Verification Token');
    expect(printed).toContain('~ events over the webhook');
    expect(printed).toContain(`~ request URL of callbacks: ${URL}`);
    expect(printed.join()).not.toMatch(/encrypt-key-of|token-of/);
  });

  it('rejects a secret that is too long for the platform, without showing it', async () => {
    const keys = keysOf({ ...SECRETS, FEISHU_ENCRYPT_KEY: 'x'.repeat(38) });
    await expect(plan({ requestUrl: URL, keys })).rejects.toThrow(
      'The Encrypt Key has 38 characters, but the platform accepts at most 32.',
    );
  });

  it('contains what the platform does not report only with --all', async () => {
    mock.app = { online_version_id: 'oav_1' };
    mock.publishedEvents = ['im.message.receive_v1'];
    mock.granted = ['im:message'];
    await plan();
    expect(printed).toEqual([
      "? The platform does not report all about the app's callbacks: --all sends what the handlers need.",
      // The platform requires the mode with each change of the events.
      '~ events over the long connection',
      '+ event im.chat.updated_v1',
      '+ a published version',
    ]);
    printed = [];
    await plan({ sendsUnknown: true });
    expect(printed).toEqual([
      '~ events over the long connection',
      '+ event im.chat.updated_v1',
      '~ callbacks over the long connection',
      '+ callback card.action.trigger',
      '+ a published version',
    ]);
  });

  it('keeps subscriptions without a handler, unless they are pruned', async () => {
    await apply();
    printed = [];
    const requirements = { ...TARGET.requirements, events: ['im.message.receive_v1'] };
    expect(await plan({ requirements })).toBe(true);
    expect(printed[0]).toBe('? No handler needs the event im.chat.updated_v1: --prune unsubscribes.');
    printed = [];
    expect(await plan({ requirements, prunes: true })).toBe(false);
    expect(printed).toEqual(['- event im.chat.updated_v1', '+ a published version']);
  });

  it('removes scopes that nothing needs only if they are pruned', async () => {
    await apply();
    mock.granted.push('im:message', 'contact:contact', 'application:application:patch');
    mock.userScopes = ['contact:user:search'];
    printed = [];
    expect(await plan()).toBe(true);
    expect(await plan({ prunes: true })).toBe(false);
    expect(printed.slice(1)).toEqual(['- scope contact:contact', '+ a published version']);
    await apply({ prunes: true });
    expect(printed).toContain('✓ removed scope contact:contact');
    // One of two alternatives may be the one in use.
    expect(mock.granted).toEqual(['im:message:send_as_bot', 'im:message', 'application:application:patch']);
  });

  it('removes no scopes while it does not know what some calls need', async () => {
    await apply();
    mock.granted.push('contact:contact');
    const requirements = { ...TARGET.requirements, unknown: ['feishu.vc.meeting.get'] };
    printed = [];
    expect(await plan({ requirements, prunes: true })).toBe(true);
    expect(printed[0]).toBe(
      '? Scopes stay, because those of feishu.vc.meeting.get are not known. Nothing else needs contact:contact.',
    );
  });

  it('names where to add v1.0 events, and keeps those that are subscribed', async () => {
    await apply();
    (mock.app as { event: { subscribed_events: string[] } }).event.subscribed_events.push('message');
    const requirements = { ...TARGET.requirements, eventsV1: ['message', 'out_approval'] };
    printed = [];
    expect(await plan({ requirements, prunes: true })).toBe(true);
    expect(printed[0]).toBe(
      '? The v1.0 event out_approval: add it in the developer console (Events & Callbacks > Event Configuration > Add Events).',
    );
    expect(printed).toHaveLength(2);
    expect(await checkApp(optionsFor({ requirements }))).toBe(true);
    expect(printed.join()).not.toContain('No handler needs');
  });

  it('contains a first version for an app that is complete but not published', async () => {
    await apply();
    mock.app = { ...(mock.app as object), online_version_id: '' };
    printed = [];
    await plan();
    expect(printed).toEqual(['+ a published version']);
  });
});

describe('Applying the plan', () => {
  it.each([
    ['the long connection', {}],
    ['a webhook', { requestUrl: URL, keys: keysOf(SECRETS) }],
  ])('configures the app for %s, and changes nothing the second time', async (_, target) => {
    mock.hasBot = false;
    expect(await apply(target)).toBe(true);
    expect(printed.at(-1)).toBe('✓ Published a version');
    expect(await checkApp(optionsFor(target))).toBe(true);
    const sent = changesSent();
    printed = [];
    expect(await apply(target)).toBe(true);
    expect(printed).toEqual(['The app is configured as the handlers need it.']);
    expect(changesSent()).toBe(sent);
  });

  it('sets the keys of the webhook again after they were changed in the developer console', async () => {
    const target = { requestUrl: URL, keys: keysOf(SECRETS) };
    await apply(target);
    Object.assign(mock.app, { encryption: { encryption_key: 'another', verification_token: 'another' } });
    printed = [];
    expect(await checkApp(optionsFor(target))).toBe(false);
    expect(printed).toContain('✗ The app has another Encrypt Key or Verification Token than the webhook');
    expect(await apply(target)).toBe(true);
    expect(await checkApp(optionsFor(target))).toBe(true);
  });

  it('moves the app to another URL without publishing events, which the platform applies at once', async () => {
    await apply({ requestUrl: URL });
    const requirements = { ...TARGET.requirements, callbacks: [] };
    printed = [];
    await apply({ requestUrl: `${URL}/2`, requirements });
    expect(mock.app).toMatchObject({ event: { request_url: `${URL}/2` } });
    expect(printed).not.toContain('✓ Published a version');
  });

  it('completes the configuration after it was killed at any step', async () => {
    let isFinished = false;
    for (let limit = 0; !isFinished; limit += 1) {
      mock.hasBot = false;
      mock.granted = [];
      mock.app = {
        event: { subscription_type: 'websocket', subscribed_events: [] },
        callback: { callback_type: 'websocket', subscribed_callbacks: [] },
        online_version_id: 'oav_1',
      };
      let operations = 0;
      const killed = interruptible(app, ['configure', 'enableBot', 'publish'], () => {
        operations += 1;
        if (operations > limit) throw new Error('killed');
      });
      isFinished = await applyPlan({ ...optionsFor({}), app: killed }).then(
        () => true,
        () => false,
      );
      expect(await apply()).toBe(true);
      expect(await checkApp(optionsFor({}))).toBe(true);
      expect((mock.app as { online_version_id: string }).online_version_id).not.toBe('oav_1');
    }
  });

  it('changes nothing if the answer is no', async () => {
    confirms = false;
    expect(await apply()).toBe(false);
    expect(changesSent()).toBe(0);
  });

  it('reports that the version waits for an administrator, and then accepts no changes', async () => {
    mock.hasReview = true;
    expect(await apply()).toBe(false);
    expect(printed.at(-1)).toContain('waits for an administrator');
    const sent = changesSent();
    expect(await apply()).toBe(false);
    expect(changesSent()).toBe(sent);
    printed = [];
    expect(await checkApp(optionsFor({}))).toBe(false);
    expect(printed).toContain('✗ A version waits for an administrator');
    expect(printed).not.toContain('To change the app: npm run app -- apply');
  });

  it('fails the check if the platform does not respond, because nothing was compared', async () => {
    const unreachable = await PlatformApp.create({ ...mock.credentials, domain: 'http://127.0.0.1:1' });
    await expect(checkApp({ ...optionsFor({}), app: unreachable })).rejects.toThrow(
      'The app was not compared. The platform did not respond (ECONNREFUSED). Check the network and the proxy',
    );
    expect(printed).toEqual([]);
  });

  it('continues after a change that the platform rejected, or that was killed before it published', async () => {
    mock.refusals.set('publish', 210303);
    await expect(apply()).rejects.toThrow('The version to publish is not complete.');
    printed = [];
    expect(await checkApp(optionsFor({}))).toBe(false);
    expect(printed.slice(-2)).toEqual([
      '✗ The last changes are not published',
      'To change the app: npm run app -- apply',
    ]);
    mock.refusals.clear();
    printed = [];
    expect(await apply()).toBe(true);
    expect(printed).toEqual(['+ a published version', '✓ Published a version']);
  });

  it('names the change that the platform rejected', async () => {
    mock.refusals.set('config', 210043);
    await expect(apply()).rejects.toThrow('210043');
    expect(printed.at(-1)).toMatch(/^✗ scope /);
  });

  it.each([
    [210043, 'npm run setup -- --app'],
    [210042, 'The platform could not verify the request URL. Is the webhook deployed?'],
    [210040, 'A version of the app is in review.'],
    [99991400, 'Too many calls.'],
    [230099, 'The documents of the platform explain the code.'],
  ])('explains the error %d', async (code, advice) => {
    mock.refusals.set('config', code);
    await expect(apply()).rejects.toThrow(advice);
    await expect(apply()).rejects.toThrow(`(${code})`);
  });
});
