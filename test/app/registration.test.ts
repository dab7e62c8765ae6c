import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { defaultHttpInstance, registerApp } from '@larksuiteoapi/node-sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConfirmationLink } from '../../lib/app/confirmation-link.ts';
import { beginRegistration, type CollectOptions, collectApp } from '../../lib/app/registration.ts';
import { MockAccounts, type PollResult } from '../mock-platform/accounts.ts';
import { createCertificate } from '../support/certificate.ts';

/** A clock whose sleepers wake at once. */
class TestClock {
  time = 0;
  readonly slept: number[] = [];
  now = () => this.time;
  sleep = async (milliseconds: number, signal: AbortSignal) => {
    signal.throwIfAborted();
    this.slept.push(milliseconds);
    this.time += milliseconds;
  };
}

let feishu: MockAccounts;
let lark: MockAccounts;
let clock: TestClock;
let options: CollectOptions;
beforeEach(async () => {
  [feishu, lark] = await Promise.all([MockAccounts.start(), MockAccounts.start('lark')]);
  clock = new TestClock();
  options = {
    clock,
    signal: new AbortController().signal,
    platforms: {
      feishu: { accounts: feishu.origin, domain: 'https://open.feishu.cn' },
      lark: { accounts: lark.origin, domain: 'https://open.larksuite.com' },
    },
  };
});
afterEach(() => Promise.all([feishu, lark].map((accounts) => accounts[Symbol.asyncDispose]())));

const register = async () => collectApp(await beginRegistration(options), options);
const APP = { appId: 'cli_a1b2c3', appSecret: 'registered-app-secret' };

describe('A registration', () => {
  it('begins with a link and a code', async () => {
    const pending = await beginRegistration(options);
    expect(pending).toEqual({
      link: new URL(`https://${feishu.host}/page/registration?user_code=ABCD-EFGH`),
      deviceCode: 'device-code',
      intervalMilliseconds: 5000,
      expiresAt: 600_000,
    });
  });

  it('uses the intervals of RFC 8628 if the platform names none', async () => {
    feishu.beginning = {};
    expect(await beginRegistration(options)).toMatchObject({ intervalMilliseconds: 5000, expiresAt: 600_000 });
  });

  it('returns the credentials once the user has confirmed', async () => {
    feishu.polls = ['pending', 'pending', 'confirmed'];
    expect(await register()).toEqual({ ...APP, platform: 'feishu' });
    expect(clock.slept).toEqual([5000, 5000]);
  });

  it('waits 5 seconds longer from each slow_down on', async () => {
    feishu.polls = ['slow-down', 'pending', 'slow-down', 'confirmed'];
    await register();
    expect(clock.slept).toEqual([10_000, 10_000, 15_000]);
  });

  it.each<PollResult>(['lost', 'overloaded', 'page'])('survives a poll whose response is %s', async (result) => {
    feishu.polls = [result, result, 'confirmed'];
    const reasons: string[] = [];
    options.onRetry = (reason) => reasons.push(reason);
    expect(await register()).toEqual({ ...APP, platform: 'feishu' });
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toContain(feishu.origin);
  });

  it('survives a poll without a response', async () => {
    feishu.polls = ['silent', 'confirmed'];
    // A slow machine may exceed this limit more often. Each time, the poll is repeated.
    options.requestWithinMilliseconds = 500;
    const pending = await beginRegistration({ ...options, requestWithinMilliseconds: 600_000 });
    expect(await collectApp({ ...pending, expiresAt: Number.POSITIVE_INFINITY }, options)).toMatchObject(APP);
  });

  it('continues on Lark at once if the user belongs to Lark', async () => {
    feishu.polls = ['pending', 'lark'];
    lark.polls = ['pending', 'confirmed'];
    let switches = 0;
    options.onLark = () => {
      switches += 1;
    };
    expect(await register()).toEqual({ ...APP, platform: 'lark' });
    expect(switches).toBe(1);
    expect(clock.slept).toEqual([5000, 5000]);
    expect(lark.requests).toEqual(Array(2).fill({ action: 'poll', deviceCode: 'device-code' }));
  });

  it('fails if the user denies it', async () => {
    feishu.polls = ['pending', 'denied'];
    await expect(register()).rejects.toMatchObject({
      code: 'access_denied',
      message: 'The request was denied on the page. To try again: npm run setup',
    });
  });

  it('fails if the platform says that the code expired', async () => {
    feishu.polls = ['expired'];
    await expect(register()).rejects.toMatchObject({ code: 'expired_token' });
  });

  it('fails when the code expires without an answer, and polls no more', async () => {
    feishu.polls = ['pending', 'lost', 'pending'];
    feishu.beginning = { interval: 7, expires_in: 16 };
    await expect(register()).rejects.toMatchObject({ code: 'expired_token' });
    expect(clock.slept).toEqual([7000, 7000, 2000]);
    expect(feishu.requests.filter(({ action }) => action === 'poll')).toHaveLength(3);
  });

  it('fails with the words of the platform for any other refusal', async () => {
    feishu.polls = ['unknown-refusal'];
    await expect(register()).rejects.toMatchObject({
      code: 'invalid_grant',
      message: 'The platform refused: invalid_grant, This is unknown-refusal. To try again: npm run setup',
    });
  });

  it('ends when it is cancelled while it waits or while a request is in flight', async () => {
    const cancellation = new AbortController();
    options.signal = cancellation.signal;
    const pending = await beginRegistration(options);
    feishu.polls = ['silent'];
    const registered = collectApp(pending, options);
    const reason = new Error('Cancelled');
    cancellation.abort(reason);
    await expect(registered).rejects.toBe(reason);
    await expect(beginRegistration(options)).rejects.toBe(reason);
  });
});

describe('The beginning of a registration', () => {
  it('fails with the words of the platform if it refuses', async () => {
    feishu.beginning = { error: 'unauthorized_client', error_description: 'Not available\u001b[2J' };
    await expect(beginRegistration(options)).rejects.toMatchObject({
      code: 'unauthorized_client',
      message: `${feishu.origin} refused: unauthorized_client, Not available\\u001b[2J. Set the app up in the developer console: npm run setup -- --manual`,
    });
  });

  it.each([
    ['without a link', { verification_uri_complete: undefined }],
    ['with a link that is not for a browser', { verification_uri_complete: 'file:///etc/passwd' }],
    ['without a code', { device_code: '' }],
    ['with status 404', 404],
  ])('fails with advice for a response %s', async (_, beginning) => {
    feishu.beginning = beginning;
    await expect(beginRegistration(options)).rejects.toThrow('npm run setup -- --manual');
  });

  it('advises to run it again if the platform is overloaded', async () => {
    feishu.beginning = 503;
    await expect(beginRegistration(options)).rejects.toMatchObject({
      code: 'unreachable',
      message: `${feishu.origin} responded with HTTP 503. Run the command again later.`,
    });
  });

  it('fails with the reason if the platform cannot be reached', async () => {
    const { origin } = feishu;
    await feishu[Symbol.asyncDispose]();
    await expect(beginRegistration(options)).rejects.toMatchObject({
      code: 'unreachable',
      message: `No response from ${origin} (ECONNREFUSED). Check the network and the proxy, and run it again.`,
    });
  });
});

describe('The confirmation link', () => {
  const LINK = new URL('https://accounts.feishu.cn/page?user_code=ABCD');
  const additions = { events: ['im.message.receive_v1'], callbacks: ['card.action.trigger'], scopes: ['im:chat'] };
  const decode = (link: URL) =>
    JSON.parse(gunzipSync(Buffer.from(link.searchParams.get('addons') ?? '', 'base64url')).toString());

  it('has a payload of the documented shape', () => {
    expect(decode(createConfirmationLink(LINK, additions))).toEqual({
      scopes: { tenant: ['im:chat'] },
      events: { items: { tenant: ['im.message.receive_v1'] } },
      callbacks: { items: ['card.action.trigger'] },
    });
    const none = { events: [], callbacks: [], scopes: [] };
    expect(createConfirmationLink(LINK, none).searchParams.has('addons')).toBe(false);
    expect(decode(createConfirmationLink(LINK, { ...none, scopes: ['im:chat'] }))).toEqual({
      scopes: { tenant: ['im:chat'] },
    });
  });

  it('allows only creating an app, or only extending the given one', () => {
    expect(Object.fromEntries(createConfirmationLink(LINK, additions).searchParams)).toMatchObject({
      user_code: 'ABCD',
      createOnly: 'true',
    });
    const extending = createConfirmationLink(LINK, additions, 'cli_1').searchParams;
    expect(Object.fromEntries(extending)).toMatchObject({ clientID: 'cli_1' });
    expect(extending.has('createOnly')).toBe(false);
  });
});

describe("The official SDK's registerApp, with the same mock platform", () => {
  const additions = { events: ['im.message.receive_v1'], callbacks: ['card.action.trigger'], scopes: ['im:chat'] };

  /** Runs both clients with the same responses. Returns the results and the links. */
  async function compare(feishuPolls: PollResult[], larkPolls: PollResult[] = []) {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-accounts-'));
    const files = await createCertificate(folder.path);
    const [key, cert] = await Promise.all([readFile(files.key, 'utf8'), readFile(files.certificate, 'utf8')]);
    await using secureFeishu = await MockAccounts.start('feishu', { key, cert });
    await using secureLark = await MockAccounts.start('lark', { key, cert });
    for (const accounts of [feishu, secureFeishu]) {
      accounts.polls = [...feishuPolls];
      accounts.beginning = { interval: 0.001, expires_in: 600 };
    }
    for (const accounts of [lark, secureLark]) accounts.polls = [...larkPolls];
    const { defaults } = defaultHttpInstance as unknown as { defaults: { httpsAgent?: Agent } };
    defaults.httpsAgent = new Agent({ ca: cert });
    let officialLink = '';
    const official = await registerApp({
      domain: secureFeishu.host,
      larkDomain: secureLark.host,
      source: 'feishu-events',
      createOnly: true,
      addons: {
        scopes: { tenant: additions.scopes },
        events: { items: { tenant: additions.events } },
        callbacks: { items: additions.callbacks },
      },
      onQRCodeReady: ({ url }) => {
        officialLink = url;
      },
    }).then(
      ({ client_id: appId, client_secret: appSecret }) => ({ appId, appSecret }),
      ({ code }) => ({ code }),
    );
    delete defaults.httpsAgent;
    const pending = await beginRegistration(options);
    const own = await collectApp(pending, options).then(
      ({ appId, appSecret }) => ({ appId, appSecret }),
      ({ code }) => ({ code }),
    );
    const link = createConfirmationLink(pending.link, additions);
    return { own, official, link, officialLink: new URL(officialLink), secureFeishu, secureLark };
  }

  it.each<[string, PollResult[], PollResult[]]>([
    ['a confirmation', ['pending', 'confirmed'], []],
    ['a user of Lark', ['pending', 'lark'], ['pending', 'confirmed']],
    ['a denial', ['denied'], []],
    ['an expired code', ['expired'], []],
    ['another refusal', ['unknown-refusal'], []],
  ])('has the same result and sends the same requests for %s', async (_, feishuPolls, larkPolls) => {
    const { own, official, secureFeishu, secureLark } = await compare(feishuPolls, larkPolls);
    expect(own).toEqual(official);
    expect(feishu.requests).toEqual(secureFeishu.requests);
    expect(lark.requests).toEqual(secureLark.requests);
  });

  it('creates the same link', async () => {
    const { link, officialLink } = await compare(['confirmed']);
    const parametersOf = ({ searchParams }: URL) => {
      const { addons = '', ...rest } = Object.fromEntries(searchParams);
      return { ...rest, addons: JSON.parse(gunzipSync(Buffer.from(addons, 'base64url')).toString()) };
    };
    expect(parametersOf(link)).toEqual(parametersOf(officialLink));
  });

  it('gives up after a lost response, which does not end our registration', async () => {
    const { own, official } = await compare(['lost', 'confirmed']);
    expect(official).not.toHaveProperty('appId');
    expect(own).toEqual(APP);
  });
});
