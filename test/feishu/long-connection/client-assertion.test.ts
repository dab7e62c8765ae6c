import * as lark from '@larksuiteoapi/node-sdk';
import { expect, onTestFinished, test } from 'vitest';
import { discover } from '../../../lib/feishu/long-connection/discovery.ts';
import { APP_ID, startClient, startPlatform, until } from './harness.ts';

const ASSERTION = 'header.payload.signature';
/** Not used, as the official client does not use it either. */
const appSecret = 'secret-of-the-app';

/** Starts the official client, with an assertion for the audience. */
function startOfficialClient(options: Partial<ConstructorParameters<typeof lark.WSClient>[0]>, targetInfo?: object) {
  const audiences: string[] = [];
  const client = new lark.WSClient({
    appId: APP_ID,
    loggerLevel: lark.LoggerLevel.fatal,
    clientAssertionProvider: {
      retrieveToken(audience) {
        audiences.push(audience);
        return { value: ASSERTION, ...(targetInfo && { targetInfo: targetInfo as lark.TargetInfo }) };
      },
    },
    ...options,
  });
  onTestFinished(() => client.close({ force: true }));
  void client.start({ eventDispatcher: new lark.EventDispatcher({ loggerLevel: lark.LoggerLevel.fatal }) });
  return { audiences };
}

test('an assertion takes the place of the secret, as with the official client', async () => {
  const platform = await startPlatform();
  platform.gateway.clientAssertion = ASSERTION;
  const audiences: string[] = [];
  const clientAssertion = async (audience: string) => {
    audiences.push(audience);
    return { value: ASSERTION };
  };
  const { client } = startClient(platform, { appSecret, clientAssertion });
  await until(() => client.status().state === 'connected');
  const official = startOfficialClient({ domain: platform.domain });
  await until(() => platform.gateway.discoveries.length === 2);
  expect(audiences).toEqual(official.audiences);
  const [ours, theirs] = platform.gateway.discoveries.map(({ body }) => JSON.parse(body));
  expect(ours).toEqual({ AppID: APP_ID, AppSecret: '', ClientAssertion: ASSERTION });
  expect(ours).toEqual(theirs);
});

test('a proxy receives the login with the name of the platform, as with the official client', async () => {
  const platform = await startPlatform();
  const domain = 'https://open.feishu.cn';
  const proxy = new URL(`${platform.domain}/prefix/`);
  const clientAssertion = async () => ({ value: ASSERTION, proxy });
  await discover({ appId: APP_ID, appSecret, domain, clientAssertion }, 60_000, new AbortController().signal);
  const [ours] = platform.gateway.discoveries;
  // The official client requires https, which the mock platform does not speak.
  const requested = Promise.withResolvers<{ url: string; headers: Record<string, string>; data: object }>();
  const httpInstance = {
    request(options: never) {
      requested.resolve(options);
      return new Promise(() => {});
    },
  };
  const targetInfo = { targetService: 'https://proxy.example.com', targetPrefix: '/prefix/' };
  startOfficialClient({ domain, httpInstance: httpInstance as never }, targetInfo);
  const theirs = await requested.promise;
  expect(ours?.path).toBe(new URL(theirs.url).pathname);
  expect(ours?.headers['x-target-service']).toBe(theirs.headers['X-Target-Service']);
  expect(JSON.parse(ours?.body ?? '')).toEqual(theirs.data);
});

test('each login uses a new assertion, so that an expired or missing one is no reason to give up', async () => {
  const platform = await startPlatform();
  platform.gateway.clientAssertion = 'new';
  const assertions = [
    () => Promise.reject(new Error('the file is empty')),
    async () => ({ value: 'expired' }),
    async () => ({ value: 'new' }),
  ];
  const clientAssertion = () => (assertions.shift() as () => Promise<{ value: string }>)();
  const { client, logged } = startClient(platform, { clientAssertion });
  await until(() => client.status().state === 'connected');
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(warnings).toEqual([
    expect.stringContaining('there is no client assertion: the file is empty'),
    expect.stringContaining('the client assertion was rejected with code 514'),
  ]);
  expect(JSON.stringify(logged)).not.toContain('expired"');
});

test('an app that may not use the long connection gives up, even with an assertion', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 403 };
  const { ended } = startClient(platform, { clientAssertion: async () => ({ value: ASSERTION }) });
  expect(await ended).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED' });
});
