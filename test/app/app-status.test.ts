import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAppStatus } from '../../lib/app/app-status.ts';
import { PlatformApp } from '../../lib/app/platform-app.ts';
import type { Requirements } from '../../lib/app/requirements.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';

const REQUIREMENTS: Requirements = {
  events: ['im.chat.updated_v1', 'im.message.receive_v1'],
  eventsV1: [],
  callbacks: ['card.action.trigger'],
  scopes: [
    { anyOf: ['im:chat:read'], neededBy: ['im.chat.updated_v1'] },
    { anyOf: ['im:message:send_as_bot', 'im:message'], neededBy: ['im.message.reply'] },
  ],
  unknown: [],
};

let mock: MockAppConfiguration;
beforeEach(async () => {
  mock = await MockAppConfiguration.start();
  mock.granted = ['im:chat:read', 'im:message'];
  mock.app = {
    event: { subscription_type: 'websocket', subscribed_events: REQUIREMENTS.events },
    callback_info: { callback_type: 'websocket', subscribed_callbacks: REQUIREMENTS.callbacks },
    online_version_id: 'oav_1',
  };
});
afterEach(() => mock[Symbol.asyncDispose]());

const status = async (credentials = mock.credentials, requirements = REQUIREMENTS) =>
  readAppStatus(await PlatformApp.create(credentials), requirements);
const itemOf = async (part: string) => (await status()).find((item) => item.part === part);

describe('The status of an app', () => {
  it('has no finding if the app is complete', async () => {
    expect((await status()).map(({ part, status }) => [part, status])).toEqual(
      ['credentials', 'bot', 'scopes', 'events', 'callbacks', 'version'].map((part) => [part, 'ok']),
    );
  });

  it.each([
    [
      'App Secret',
      'missing',
      { appSecret: 'wrong' },
      /The platform responded: app secret invalid \(10014\)\. The App Secret is wrong/,
    ],
    ['App ID', 'missing', { appId: 'cli_wrong' }, /\(10003\)\. The App ID is wrong/],
    [
      'domain',
      'unknown',
      { domain: 'http://127.0.0.1:1' },
      /^The platform did not respond \(ECONNREFUSED\)\. Check the network/,
    ],
  ])('names only a wrong %s', async (_, expected, wrong, description) => {
    const items = await status({ ...mock.credentials, ...wrong });
    expect(items).toEqual([
      {
        status: expected,
        part: 'credentials',
        description: expect.stringMatching(description),
        missing: [],
        remedy: 'credentials',
      },
    ]);
    expect(JSON.stringify(items)).not.toContain(mock.appSecret);
  });

  it('names scopes that are not granted, and those that wait for an administrator', async () => {
    mock.granted = [];
    mock.waiting = ['im:chat:read'];
    expect(await itemOf('scopes')).toEqual({
      status: 'missing',
      part: 'scopes',
      description:
        'Scopes not granted: im:chat:read, im:message:send_as_bot; waiting for an administrator: im:chat:read',
      missing: ['im:chat:read', 'im:message:send_as_bot'],
    });
  });

  it('names events and callbacks without a subscription', async () => {
    mock.app = { event: { subscribed_events: ['im.chat.updated_v1'] }, callback: { subscribed_callbacks: [] } };
    expect(await itemOf('events')).toMatchObject({ status: 'missing', missing: ['im.message.receive_v1'] });
    expect(await itemOf('callbacks')).toMatchObject({ status: 'missing', missing: ['card.action.trigger'] });
    expect(await itemOf('version')).toMatchObject({ status: 'missing', description: 'No version is published' });
  });

  it('reads the events of the published version if the platform does not return those of the app', async () => {
    mock.app = { online_version_id: 'oav_1' };
    mock.publishedEvents = ['im.message.receive_v1'];
    expect(await itemOf('events')).toMatchObject({ status: 'missing', missing: ['im.chat.updated_v1'] });
    expect(await itemOf('callbacks')).toMatchObject({ status: 'unknown' });
  });

  it('says which scope it needs to read the configuration', async () => {
    mock.app = 99991672;
    expect(await itemOf('events')).toEqual({
      status: 'unknown',
      part: 'events',
      description:
        'The app lacks the scope application:application:self_manage (99991672). Add it in the developer console: ' +
        'Permissions & Scopes.',
      missing: [],
    });
  });

  it('reports a version in review', async () => {
    mock.app = { online_version_id: 'oav_1', unaudit_version_id: 'oav_2' };
    expect(await itemOf('version')).toMatchObject({ description: 'A version waits for an administrator' });
  });

  it('reports an app without a bot', async () => {
    mock.hasBot = false;
    expect(await itemOf('bot')).toMatchObject({ status: 'missing', description: 'The app has no bot' });
  });

  it.each([
    ['the long connection', undefined, ['ok', 'ok']],
    ['a webhook', 'https://example.com/feishu/events', ['missing', 'ok']],
  ])('compares where events and callbacks go with %s', async (_, requestUrl, expected) => {
    Object.assign(mock.app, {
      callback_info: {
        callback_type: requestUrl === undefined ? 'websocket' : 'webhook',
        request_url: requestUrl,
        subscribed_callbacks: REQUIREMENTS.callbacks,
      },
    });
    const items = await readAppStatus(await PlatformApp.create(mock.credentials), REQUIREMENTS, { requestUrl });
    const deliveries = items.filter(({ part }) => part === 'delivery');
    expect(deliveries.map(({ status }) => status)).toEqual(expected);
    if (requestUrl !== undefined) {
      expect(deliveries[0]?.description).toBe(`Events go over the long connection, not to ${requestUrl}`);
    }
  });

  it('names subscriptions that no handler needs', async () => {
    Object.assign(mock.app, { event: { subscribed_events: [...REQUIREMENTS.events, 'im.chat.disbanded_v1'] } });
    expect((await status()).filter(({ part }) => part === 'events')).toEqual([
      expect.objectContaining({ status: 'ok' }),
      {
        status: 'extra',
        part: 'events',
        description: 'No handler needs the event im.chat.disbanded_v1',
        missing: [],
        remedy: 'prune',
      },
    ]);
  });

  it('reports more long connections than there should be', async () => {
    const connections = async (maximumConnections: number) => {
      const destination = { requestUrl: undefined, maximumConnections };
      const items = await readAppStatus(await PlatformApp.create(mock.credentials), REQUIREMENTS, destination);
      return items.find(({ part }) => part === 'connections');
    };
    mock.connections = 2;
    expect(await connections(2)).toMatchObject({ status: 'ok', description: 'Open long connections: 2' });
    expect(await connections(1)).toMatchObject({
      status: 'missing',
      description: expect.stringContaining('2 long connections are open, but the stack has 1'),
    });
  });
});
