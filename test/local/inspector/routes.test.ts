import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HIDDEN } from '../../../lib/cli/hide-tokens.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { createChatRoutes } from '../../../lib/local/inspector/chat-routes.ts';
import { type ChatState, ROUTES, type SendRequest } from '../../../lib/local/inspector/wire.ts';
import type { Stack } from '../../../lib/local/stack.ts';
import { CHAT, MESSAGE, USER } from '../../../lib/samples/sample-values.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { deliver } from '../../support/deliver.ts';
import { startLocalStack } from '../../support/local-stack.ts';
import { createProject, type TemporaryProject } from '../../support/project.ts';
import { wait } from '../../support/wait.ts';
import { sendRequest } from './send-request.ts';

const encryptKey = 'an encrypt key';
const token = 'a-verification-token';
const appSecret = 'the-app-secret-value';

const options = {
  environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token, FEISHU_APP_SECRET: appSecret },
  // Some tests log secrets on purpose.
  onLine: () => {},
};

let project: TemporaryProject;
let stack: Stack;
beforeAll(async () => {
  project = await createProject();
  const definition = '{ handler: functions/daily.handler, timeout: 600, events: [{ schedule: rate(1 day) }] }';
  await writeFile(path.join(project.root, 'extensions.yml'), `functions:\n  daily: ${definition}\n`);
  const source = 'export const handler = async () => process.env.FEISHU_ENCRYPT_KEY;\n';
  await writeFile(path.join(project.root, 'functions/daily.ts'), source);
  stack = await startLocalStack({ ...options, root: project.root });
});
afterAll(async () => {
  await stack.stop();
  await project[Symbol.asyncDispose]();
});

const send = (path: string, headers?: OutgoingHttpHeaders, body?: string) =>
  sendRequest(new URL(path, stack.pageUrl), headers, body);

const json = { 'content-type': 'application/json' };
const notUsed = (): never => {
  throw new Error('not used');
};
const postSend = (body: SendRequest, headers: OutgoingHttpHeaders = json) =>
  send(ROUTES.send, headers, JSON.stringify(body));
const deliverText = (text: string) => deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
const POST_ROUTES = [
  ROUTES.send,
  ROUTES.redrive,
  ROUTES.retry,
  ROUTES.fixture,
  ROUTES.run,
  ROUTES.chatMessage,
  ROUTES.chatAction,
  ROUTES.fail,
];
const sampleRequest: SendRequest = { kind: 'sample', type: 'out_approval' };

async function sendMessage(content: string): Promise<string> {
  const event = textMessage(content);
  const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
  expect(await deliverText(text)).toMatchObject({ status: 200 });
  return findMessage(JSON.parse(text).header.event_id);
}

async function findMessage(eventId: string): Promise<string> {
  const find = () => stack.events().find(({ id }) => id === eventId)?.messageId;
  await vi.waitFor(() => expect(find()).toBeDefined(), wait);
  return find() as string;
}

const detailsOf = async (messageId: string) =>
  JSON.parse((await send(`${ROUTES.event}?${new URLSearchParams({ message: messageId })}`)).body);

describe('The inspector', () => {
  it('is served with a policy that forbids external resources and framing', async () => {
    for (const path of ['/', ROUTES.script, ROUTES.style]) {
      const { status, headers } = await send(path);
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
      expect(headers['cache-control']).toBe('no-store');
    }
    expect((await send(ROUTES.script)).headers['content-type']).toContain('text/javascript');
  });

  it('has no inline scripts or styles', async () => {
    const { body } = await send('/');
    expect(body).not.toMatch(/<script(?![^>]*src=)|<style|style=|\son\w+=/);
  });

  const routes = [
    '/',
    '/_events',
    ROUTES.live,
    ROUTES.samples,
    `${ROUTES.event}?message=x`,
    `${ROUTES.search}?words=x`,
    `${ROUTES.draft}?type=x`,
    ROUTES.scheduled,
    ROUTES.chat,
    `${ROUTES.chatResource}?message=x&key=y`,
  ];

  it.each(routes)('rejects foreign host names (DNS rebinding): %s', async (path) => {
    for (const host of [
      'attacker.example',
      'localhost.attacker.example:3000',
      '127.0.0.1.attacker.example',
      '0.0.0.0',
    ]) {
      expect(await send(path, { host })).toMatchObject({ status: 403, body: expect.stringContaining('Host') });
    }
  });

  it.each(['localhost', 'localhost:3000', '127.0.0.1:1', '[::1]:3000', 'feishu.localhost'])(
    'accepts the host name %s',
    async (host) => {
      expect((await send(ROUTES.samples, { host })).status).toBe(200);
    },
  );

  it.each(routes)('rejects requests through a tunnel or proxy: %s', async (path) => {
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'via']) {
      const { status, body } = await send(path, { [name]: 'anything' });
      expect({ status, body }).toMatchObject({ status: 403, body: expect.stringContaining(name) });
    }
  });

  it.each(routes)('rejects requests from scripts of other sites: %s', async (path) => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' };
      expect((await send(path, headers)).status).toBe(403);
    }
  });

  it('opens from a link on another site', async () => {
    expect((await send('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });

  it('still accepts the platform’s requests through a tunnel and with any host name', async () => {
    const { headers, body } = writeRequest(
      createSample('out_approval', { version: '1.0', token }),
      { encryptKey },
      Date.now(),
    );
    const tunnelHeaders = { host: 'tunnel.example', 'x-forwarded-for': '203.0.113.9' };
    const path = new URL(stack.webhookUrl).pathname;
    expect((await send(path, { ...headers, ...tunnelHeaders }, body.toString())).status).toBe(200);
  });
});

describe('A POST request from another site', () => {
  const eventCount = () => stack.events().length;

  it.each<[string, OutgoingHttpHeaders]>([
    ['with another origin', { ...json, origin: 'https://attacker.example' }],
    ['with another port', { ...json, origin: 'http://127.0.0.1:1' }],
    ['with an opaque origin', { ...json, origin: 'null' }],
    ['marked cross-site by the browser', { ...json, 'sec-fetch-site': 'cross-site' }],
    ['marked same-site by the browser', { ...json, 'sec-fetch-site': 'same-site' }],
    ['from a form that navigates', { ...json, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('%s is rejected', async (_, headers) => {
    const before = eventCount();
    for (const route of POST_ROUTES) {
      expect((await send(route, headers, JSON.stringify(sampleRequest))).status).toBe(403);
    }
    expect(eventCount()).toBe(before);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined])(
    'with the content type %s is rejected',
    async (contentType) => {
      const before = eventCount();
      const headers = contentType === undefined ? {} : { 'content-type': contentType };
      expect((await postSend(sampleRequest, headers)).status).toBe(415);
      expect(eventCount()).toBe(before);
    },
  );

  it('gets no CORS headers', async () => {
    const preflight = request(new URL(ROUTES.send, stack.pageUrl), {
      method: 'OPTIONS',
      headers: { origin: 'https://attacker.example', 'access-control-request-method': 'POST' },
      agent: false,
    });
    preflight.end();
    const [response] = (await once(preflight, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).not.toBe(200);
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('is distinguished from one sent by the page itself', async () => {
    const origin = stack.pageUrl.slice(0, -1);
    const headers = { ...json, origin, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    expect(await postSend(sampleRequest, headers)).toMatchObject({ status: 200 });
  });
});

describe('The data on the page', () => {
  it('contains the event with hidden tokens and intact large integers', async () => {
    const event = {
      ...textMessage('Hello'),
      token: 'c-card-token',
      context: { preview_token: 'p-token' },
      app_ticket: 't',
    };
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event }).replace(
      '"sender":',
      '"big":90071992547409931,"sender":',
    );
    await deliverText(text);
    const { json: shown } = await detailsOf(await findMessage(JSON.parse(text).header.event_id));
    expect(shown).toContain('90071992547409931');
    expect(JSON.parse(shown)).toMatchObject({
      header: { token: HIDDEN },
      event: { token: HIDDEN, context: { preview_token: HIDDEN }, app_ticket: HIDDEN, sender: event.sender },
    });
  });

  it('contains only the log lines of the selected event', async () => {
    const messageId = await sendMessage('one');
    await sendMessage('two');
    await vi.waitFor(async () => {
      const { lines } = await detailsOf(messageId);
      expect(lines.map(({ message }: { message: string }) => message)).toContain('handled');
    }, wait);
    const { lines, record } = await detailsOf(messageId);
    expect(lines.filter(({ message }: { message: string }) => message === 'handled').length).toBe(1);
    expect(record).toMatchObject({ status: 'handled', handleMilliseconds: expect.any(Number) });
  });

  it('contains no secret, even if an event or a handler does', async () => {
    const messageId = await sendMessage(`the key is ${encryptKey}, the token ${token}, the secret ${appSecret}`);
    await postSend({ kind: 'again', messageId });
    const draft = `${ROUTES.draft}?${new URLSearchParams({ message: messageId })}`;
    const responses = await Promise.all(
      [`${ROUTES.event}?message=${messageId}`, draft, ROUTES.samples, '/', ROUTES.script, '/_events'].map((path) =>
        send(path),
      ),
    );
    responses.push(await postSend(sampleRequest));
    for (const { status, body } of responses) {
      expect(status).toBe(200);
      for (const secret of [encryptKey, token, appSecret]) expect(body).not.toContain(secret);
    }
    expect(responses[0]?.body).toContain('the key is');
  });

  it('contains no secret if a handler drops an event with a reason that contains one', async () => {
    const event = textMessage('Hello');
    event.message.message_type = appSecret;
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliverText(text);
    const messageId = await findMessage(JSON.parse(text).header.event_id);
    const reason = () => stack.events().find((record) => record.messageId === messageId)?.lastError;
    await vi.waitFor(() => expect(reason()).toContain(appSecret), wait);
    for (const path of [`${ROUTES.event}?message=${messageId}`, '/_events']) {
      const { body } = await send(path);
      expect(body).toContain(`not ${HIDDEN}`);
      expect(body).not.toContain(appSecret);
    }
  });

  it('contains no secret in the live stream', async () => {
    const text = createSample('out_approval', { version: '1.0', token });
    await deliverText(JSON.stringify({ ...JSON.parse(text), uuid: `id-${appSecret}` }));
    await findMessage(`id-${appSecret}`);
    const outgoing = request(new URL(ROUTES.live, stack.pageUrl), { agent: false });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let live = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      live += chunk;
    });
    await vi.waitFor(() => expect(live).toContain(`"id":"id-${HIDDEN}"`), wait);
    expect(live).not.toContain(appSecret);
    outgoing.destroy();
  });
});

describe('An oversized or malformed request', () => {
  const nestedArrays = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const deepEvent = JSON.stringify({ schema: '2.0', header: { event_type: 'a.b_v1', token }, event: { deep: 0 } });
  const deepText = deepEvent.replace('0}', `${nestedArrays(50_000)}}`);
  const longName = 'x'.repeat(200_000);

  it.each<[string, string, string]>([
    ['a type of 200,000 characters', JSON.stringify({ kind: 'sample', type: longName }), '"type" must not be longer'],
    [
      'a variant of 200,000 characters',
      JSON.stringify({ kind: 'sample', type: 'message', variant: longName }),
      '"variant" must not',
    ],
    [
      'a message id of 200,000 characters',
      JSON.stringify({ kind: 'again', messageId: longName }),
      '"messageId" must not be longer',
    ],
    [
      'an origin message id of 200,000 characters',
      JSON.stringify({ kind: 'text', text: '{}', from: longName }),
      '"from" must not be longer',
    ],
    ['a text that is not a string', '{"kind":"text","text":{"schema":"2.0"}}', '"text" must be a string'],
    ['a type that is not a string', '{"kind":"sample","type":["message"]}', '"type" must be a string'],
    ['a kind that is not a string', `{"kind":${nestedArrays(50_000)}}`, '"kind" must be'],
    [
      'an event nested 50,000 levels deep',
      JSON.stringify({ kind: 'text', text: deepText }),
      'nested more than 1000 levels',
    ],
    ['a body nested 50,000 levels deep', nestedArrays(50_000), 'must be a JSON object'],
    ['a body that is not JSON', '{"kind":', 'JSON'],
  ])('to send %s is rejected with a reason', async (_, body, reason) => {
    const before = stack.events().length;
    const { status, body: response } = await send(ROUTES.send, json, body);
    expect({ status, response }).toEqual({
      status: 400,
      response: expect.stringContaining(reason.replaceAll('"', '\\"')),
    });
    expect(stack.events().length).toBe(before);
  });

  it.each<[string, string, string]>([
    ['an id of 200,000 characters', JSON.stringify({ messageId: longName }), '"messageId" must not be longer'],
    ['an id that is not a string', `{"messageId":${nestedArrays(50_000)}}`, '"messageId" must be a string'],
    ['an array', '[]', 'must be a JSON object'],
  ])('to redrive %s is rejected with a reason', async (_, body, reason) => {
    const { status, body: response } = await send(ROUTES.redrive, json, body);
    expect({ status, response }).toEqual({
      status: 400,
      response: expect.stringContaining(reason.replaceAll('"', '\\"')),
    });
  });

  describe.each([
    ['to retry an event', ROUTES.retry, 'This event does not wait for an attempt.'],
    ['to save an event as a fixture', ROUTES.fixture, 'The content of this event is no longer available.'],
  ])('%s', (_, route, unknown) => {
    it.each<[string, string, string]>([
      ['an id of 200,000 characters', JSON.stringify({ messageId: longName }), '"messageId" must not be longer'],
      ['no id', '{}', '"messageId" must be a string'],
      ['an unknown event', '{"messageId":"../../x"}', unknown],
      ['an array', '[]', 'must be a JSON object'],
    ])('is rejected with a reason for %s', async (__, body, reason) => {
      const { status, body: response } = await send(route, json, body);
      expect({ status, message: JSON.parse(response).message }).toEqual({
        status: 400,
        message: expect.stringContaining(reason),
      });
    });
  });

  it.each<[string, string, string]>([
    ['a name of 200,000 characters', JSON.stringify({ name: longName, schedule: 0 }), '"name" must not be longer'],
    ['a schedule that is not an integer', '{"name":"daily","schedule":"0"}', '"schedule" must be an integer'],
    ['an unknown function', '{"name":"weekly","schedule":0}', 'There is no function "weekly" with this schedule.'],
    ['an array', '[]', 'must be a JSON object'],
  ])('to run %s is rejected with a reason', async (_, body, reason) => {
    const { status, body: response } = await send(ROUTES.run, json, body);
    expect({ status, message: JSON.parse(response).message }).toEqual({
      status: 400,
      message: expect.stringContaining(reason),
    });
  });

  it('for a draft of an overlong type is rejected', async () => {
    const { status, body } = await send(`${ROUTES.draft}?type=${'x'.repeat(300)}`);
    expect({ status, body }).toEqual({ status: 400, body: expect.stringContaining('must not be longer than 256') });
  });

  it.each<[string, object, string]>([
    ['an unknown type', { messageType: 'sticker' }, '"messageType" must be one of'],
    ['no text', { text: '' }, '"text" must not be empty'],
    ['a text of more than 150 KB', { text: longName }, '"text" must not be longer'],
    ['no file', { messageType: 'file' }, '"file" must be an object'],
    ['a file with a name of 200,000 characters', { messageType: 'file', file: { name: longName } }, '"name" must not'],
    ['a file without content', { messageType: 'image', file: { name: 'x', base64: '' } }, '"base64" must be'],
    ['an unknown person', { personId: 'ou_x' }, 'There is no such person'],
    ['an unknown chat', { chatId: 'oc_x' }, 'Invalid chat_id'],
    ['an unknown parent', { parentId: 'om_x' }, 'not a valid {message_id}'],
  ])('to send a chat message with %s is rejected with a reason', async (_, fields, reason) => {
    const request = { chatId: CHAT, personId: USER.open_id, messageType: 'text', text: 'Hello', ...fields };
    const before = stack.events().length;
    const { status, body } = await send(ROUTES.chatMessage, json, JSON.stringify(request));
    expect({ status, message: JSON.parse(body).message }).toEqual({
      status: 400,
      message: expect.stringContaining(reason),
    });
    expect(stack.events().length).toBe(before);
  });

  it.each<[string, object, string]>([
    ['an unknown message', { messageId: 'om_x' }, 'not a valid {message_id}'],
    ['a tag that is not a string', { tag: 1 }, '"tag" must be a string'],
    ['options that are not strings', { options: [1] }, '"options" must be a list'],
    ['a form that is a list', { formValue: [] }, '"formValue" must be an object'],
    ['a value of 200,000 characters', { value: longName }, 'must not be larger'],
  ])('to use a card with %s is rejected with a reason', async (_, fields, reason) => {
    const request = { messageId: MESSAGE, personId: USER.open_id, tag: 'button', ...fields };
    const { status, body } = await send(ROUTES.chatAction, json, JSON.stringify(request));
    expect({ status, message: JSON.parse(body).message }).toEqual({
      status: 400,
      message: expect.stringContaining(reason),
    });
  });

  it.each<[string, object, string]>([
    ['of an unknown API', { api: 'GET /open-apis/none' }, 'The platform has no API GET /open-apis/none. Similar: '],
    ['with a status that is not one', { status: 1 }, '"status" must be an integer from 200 to 599'],
    ['too often', { times: 1e6 }, '"times" must be an integer from 1 to 1000'],
  ])('to make calls fail %s is rejected with a reason', async (_, request, reason) => {
    const { status, body } = await send(ROUTES.fail, json, JSON.stringify(request));
    expect({ status, message: JSON.parse(body).message }).toEqual({
      status: 400,
      message: expect.stringContaining(reason),
    });
  });

  it('is rejected if its body is larger than 6 MiB', async () => {
    for (const route of POST_ROUTES) {
      expect(
        (await send(route, json, JSON.stringify({ kind: 'text', text: 'x'.repeat(6 * 1024 * 1024) }))).status,
      ).toBe(413);
    }
  });
});

describe('A scheduled function', () => {
  it('runs from the page, and none of the app’s secrets that it returns are shown', async () => {
    const post = await send(ROUTES.run, json, '{"name":"daily","schedule":0}');
    expect(post).toMatchObject({ status: 200, body: expect.stringContaining(HIDDEN) });
    const listed = await send(ROUTES.scheduled);
    expect(JSON.parse(listed.body)).toMatchObject([{ name: 'daily', lastRun: JSON.parse(post.body) }]);
    for (const { body } of [post, listed]) expect(body).not.toContain(encryptKey);
  });
});

describe('A fixture', () => {
  it('contains the event without its text and token, and is saved once', async () => {
    const messageId = await sendMessage('a private text');
    const save = () => send(ROUTES.fixture, json, JSON.stringify({ messageId }));
    const saved = JSON.parse((await save()).body);
    expect(saved).toEqual({
      file: expect.stringMatching(/^test\/fixtures\/\S+-im\.message\.receive_v1-\w+\.json$/),
      isNew: true,
    });
    const fixture = await readFile(path.join(project.root, saved.file), 'utf8');
    expect(JSON.parse(fixture)).toMatchObject({ header: { event_type: 'im.message.receive_v1' } });
    for (const secret of ['a private text', token]) expect(fixture).not.toContain(secret);
    expect(JSON.parse((await save()).body)).toEqual({ ...saved, isNew: false });
  });
});

describe('The chat', () => {
  const post = async (route: string, body: object) => JSON.parse((await send(route, json, JSON.stringify(body))).body);
  const chat = async (): Promise<ChatState> => JSON.parse((await send(ROUTES.chat)).body);
  const person = { chatId: CHAT, personId: USER.open_id };

  it('delivers the message of a person, and shows the reply and the API call of the bot without secrets', async () => {
    const outgoing = request(new URL(ROUTES.live, stack.pageUrl), { agent: false });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let live = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      live += chunk;
    });
    const text = `the secret is ${appSecret}`;
    const { messageId, status } = await post(ROUTES.chatMessage, {
      ...person,
      messageType: 'text',
      text,
      mentionsBot: true,
    });
    expect(status).toBe(200);
    const findReply = async () => (await chat()).messages.find(({ parentId }) => parentId === messageId);
    await vi.waitFor(async () => expect(await findReply()).toBeDefined(), wait);
    const reply = await findReply();
    expect(reply).toMatchObject({ senderType: 'app', chatId: CHAT, content: expect.stringContaining(HIDDEN) });
    await vi.waitFor(() => expect(live).toContain(`event: chat\ndata: {"messageId":"${reply?.messageId}"`), wait);
    outgoing.destroy();
    expect(live).not.toContain(appSecret);

    const event = () => stack.events().at(-1)?.messageId ?? '';
    await vi.waitFor(async () => expect((await detailsOf(event())).calls).toHaveLength(1), wait);
    const details = await send(`${ROUTES.event}?${new URLSearchParams({ message: event() })}`);
    expect(details.body).not.toContain(appSecret);
    const [call] = JSON.parse(details.body).calls;
    expect(call).toMatchObject({ method: 'POST', path: `/open-apis/im/v1/messages/${messageId}/reply`, status: 200 });
    expect(JSON.parse(call.request)).toMatchObject({ msg_type: 'text' });
    expect(JSON.parse(call.response)).toMatchObject({ code: 0, data: { message_id: reply?.messageId } });
    expect(call.milliseconds).toBeGreaterThanOrEqual(0);
  });

  it('sends the callback of a card, and returns its toast', async () => {
    const action = { messageId: MESSAGE, personId: USER.open_id, tag: 'button', value: { key: 'value' } };
    expect(await post(ROUTES.chatAction, action)).toEqual({ status: 200, toast: { type: 'success', content: 'Done' } });
    await vi.waitFor(() => expect(stack.events().at(-1)).toMatchObject({ type: 'card.action.trigger' }), wait);
    const { json: event } = await detailsOf(stack.events().at(-1)?.messageId ?? '');
    expect(JSON.parse(event).event).toMatchObject({
      operator: { open_id: USER.open_id },
      action: { tag: 'button', value: { key: 'value' } },
      context: { open_message_id: MESSAGE, open_chat_id: CHAT },
    });
  });

  it.each([
    ['a picture', 'image', 'x.png', '\x89PNG\r\n\x1a\n', 'image/png', 'inline'],
    ['a picture with scripts', 'image', 'x.svg', '<svg><script/></svg>', 'application/octet-stream', 'attachment'],
    ['a file', 'file', '周报.html', '<script></script>', 'application/octet-stream', 'attachment'],
  ])('returns %s in a way that runs no scripts', async (_, messageType, name, content, type, disposition) => {
    const file = { name, base64: Buffer.from(content, 'latin1').toString('base64') };
    const { messageId } = await post(ROUTES.chatMessage, { ...person, messageType, file });
    const message = (await chat()).messages.find((each) => each.messageId === messageId);
    const { image_key, file_key } = JSON.parse(message?.content ?? '');
    const query = new URLSearchParams({ message: messageId, key: image_key ?? file_key });
    const { status, headers, body } = await send(`${ROUTES.chatResource}?${query}`);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type });
    expect(headers['content-disposition']).toMatch(`${disposition};`);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    if (type !== 'image/png') expect(body).toBe(content);
  });

  it('fails calls on demand', async () => {
    const api = 'POST /open-apis/im/v1/messages/:message_id/reply';
    expect(await post(ROUTES.fail, { api, code: 230020 })).toEqual({});
    await post(ROUTES.chatMessage, { ...person, messageType: 'text', text: 'Hello' });
    const event = () => stack.events().at(-1)?.messageId ?? '';
    await vi.waitFor(async () => {
      const { calls } = await detailsOf(event());
      expect(calls[0]).toMatchObject({ status: 400, response: expect.stringContaining('230020') });
    }, wait);
  });

  it('is not available with the credentials of an app', async () => {
    const platform = () => undefined;
    const { environment } = options;
    const headers = {};
    const routes = createChatRoutes({
      environment,
      headers,
      webhookUrl: () => '',
      mockPlatform: platform,
      respond: () => notUsed(),
    });
    for (const route of Object.values(routes)) {
      await expect(route(new URLSearchParams(), Buffer.from('{}'))).rejects.toThrow('FEISHU_APP_ID is set');
    }
  });
});

describe('An event sent from the page', () => {
  it('goes through the gateway, signed and encrypted', async () => {
    const { body } = await postSend(sampleRequest);
    expect(JSON.parse(body)).toMatchObject({ status: 200, body: '{"msg":"success"}' });
  });

  it.each(['card.action.trigger', 'card.action.trigger_v1', 'url.preview.get'])(
    'can be a callback: %s',
    async (type) => {
      const sent = await postSend({ kind: 'sample', type });
      expect(JSON.parse(sent.body)).toMatchObject({ status: 200 });
      const reason = () => stack.events().at(-1)?.lastError;
      await vi.waitFor(
        () => expect(reason()).toMatch(new RegExp(`^The callback already has its response\\. .*/${type}\\.ts `)),
        wait,
      );
      const { response } = await detailsOf(stack.events().at(-1)?.messageId ?? '');
      expect(JSON.parse(response)).toEqual(JSON.parse(JSON.parse(sent.body).body));
    },
  );

  it('is rejected with a reason if nested too deeply', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const response = await postSend({ kind: 'text', text: `{"event":{"type":"message","deep":${deep}}}` });
    expect(response.status).toBe(400);
    expect(response.body).toContain('nested more than 1000 levels deep');
  });

  it('is a duplicate if it was sent before', async () => {
    const messageId = await sendMessage('again');
    await vi.waitFor(async () => expect((await detailsOf(messageId)).record.status).toBe('handled'), wait);
    await postSend({ kind: 'again', messageId });
    await vi.waitFor(() => expect(stack.events().at(-1)).toMatchObject({ status: 'duplicate' }), wait);
    expect(stack.events().at(-1)?.id).toBe((await detailsOf(messageId)).record.id);
  });

  it('counts as a new event once edited, with its hidden tokens restored', async () => {
    const event = { ...textMessage('first'), token: 'c-card-token' };
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliverText(text);
    const messageId = await findMessage(JSON.parse(text).header.event_id);
    const draft = JSON.parse(JSON.parse((await send(`${ROUTES.draft}?message=${messageId}`)).body).text);
    expect(draft.event.token).toBe(HIDDEN);
    expect(draft.header.event_id).not.toBe(JSON.parse(text).header.event_id);
    draft.event.message.content = '{"text":"second"}';
    const response = await postSend({ kind: 'text', text: JSON.stringify(draft), from: messageId });
    expect(JSON.parse(response.body)).toMatchObject({ status: 200 });
    const edited = await findMessage(draft.header.event_id);
    await vi.waitFor(async () => expect((await detailsOf(edited)).record.status).toBe('handled'), wait);
    expect((await detailsOf(edited)).json).toContain('second');
  });

  it('keeps the tokens of an edited sample', async () => {
    const draft = JSON.parse((await send(`${ROUTES.draft}?type=card.action.trigger`)).body).text;
    expect(JSON.parse(draft).event.token).toMatch(/^c-/);
  });

  it.each<[string, object]>([
    ['an event that is no longer available', { kind: 'again', messageId: 'unknown' }],
    ['a text that is not JSON', { kind: 'text', text: '{' }],
    ['JSON that is not an event', { kind: 'text', text: '{}' }],
    ['a misspelled type', { kind: 'sample', type: 'im.mesage.receive_v1' }],
    ['an unknown variant', { kind: 'sample', type: 'im.message.receive_v1', variant: 'none' }],
  ])('is rejected with a reason: %s', async (_, body) => {
    const { status, body: response } = await send(ROUTES.send, json, JSON.stringify(body));
    expect(status).toBe(400);
    expect(JSON.parse(response).message).toMatch(/\w{3}/);
  });
});
