import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HIDDEN } from '../../../lib/cli/hide-tokens.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { ROUTES, type SendOrder } from '../../../lib/local/inspector/wire.ts';
import type { Stack } from '../../../lib/local/stack.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { deliver } from '../../support/deliver.ts';
import { startLocalStack } from '../../support/local-stack.ts';
import { createProject } from '../../support/project.ts';
import { wait } from '../../support/wait.ts';

const encryptKey = 'an encrypt key';
const token = 'a-verification-token';
const appSecret = 'the-secret-of-the-app';

const options = {
  environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token, FEISHU_APP_SECRET: appSecret },
  // Some tests log secrets on purpose.
  onLine: () => {},
};

let stack: Stack;
beforeAll(async () => {
  stack = await startLocalStack(options);
});
afterAll(() => stack.stop());

interface Asked {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Asks with any headers: `fetch` lets nobody set those that a browser sets. */
async function ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string, origin = stack.pageUrl) {
  const asking = request(new URL(path, origin), { method: body === undefined ? 'GET' : 'POST', headers, agent: false });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await readText(answer) } satisfies Asked;
}

const json = { 'content-type': 'application/json' };
const command = (order: SendOrder, headers: OutgoingHttpHeaders = json) =>
  ask(ROUTES.send, headers, JSON.stringify(order));
const deliverText = (text: string) => deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
const sampleOrder: SendOrder = { kind: 'sample', type: 'out_approval' };

async function sendMessage(words: string): Promise<string> {
  const event = textMessage(words);
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
  JSON.parse((await ask(`${ROUTES.event}?${new URLSearchParams({ message: messageId })}`)).body);

describe('The page of the local stack', () => {
  it('is served with a policy that lets it load nothing from elsewhere, nor be framed', async () => {
    for (const path of ['/', ROUTES.script, ROUTES.style]) {
      const { status, headers } = await ask(path);
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
      expect(headers['cache-control']).toBe('no-store');
    }
    expect((await ask(ROUTES.script)).headers['content-type']).toContain('text/javascript');
  });

  it('holds no script and no style of its own in the HTML', async () => {
    const { body } = await ask('/');
    expect(body).not.toMatch(/<script(?![^>]*src=)|<style|style=|\son\w+=/);
  });

  const routes = ['/', '/_events', ROUTES.live, ROUTES.samples, `${ROUTES.event}?message=x`, `${ROUTES.draft}?type=x`];

  it.each(routes)('refuses a foreign name that points here (DNS rebinding): %s', async (path) => {
    for (const host of [
      'attacker.example',
      'localhost.attacker.example:3000',
      '127.0.0.1.attacker.example',
      '0.0.0.0',
    ]) {
      expect(await ask(path, { host })).toMatchObject({ status: 403, body: expect.stringContaining('Host') });
    }
  });

  it.each(['localhost', 'localhost:3000', '127.0.0.1:1', '[::1]:3000', 'feishu.localhost'])(
    'takes the name %s of this machine',
    async (host) => {
      expect((await ask(ROUTES.samples, { host })).status).toBe(200);
    },
  );

  it.each(routes)('refuses what comes through a tunnel or a proxy: %s', async (path) => {
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'forwarded', 'via']) {
      const { status, body } = await ask(path, { [name]: 'anything' });
      expect({ status, body }).toMatchObject({ status: 403, body: expect.stringContaining(name) });
    }
  });

  it.each(routes)('gives nothing to a script of another site: %s', async (path) => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' };
      expect((await ask(path, headers)).status).toBe(403);
    }
  });

  it('opens from a link', async () => {
    expect((await ask('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });

  it('takes the platform’s requests all the same, through a tunnel and under any name', async () => {
    const { headers, body } = writeRequest(
      createSample('out_approval', { version: '1.0', token }),
      { encryptKey },
      Date.now(),
    );
    const outside = { host: 'tunnel.example', 'x-forwarded-for': '203.0.113.9' };
    const path = new URL(stack.webhookUrl).pathname;
    expect((await ask(path, { ...headers, ...outside }, body.toString())).status).toBe(200);
  });
});

describe('A command of another site', () => {
  const eventCount = () => stack.events().length;

  it.each<[string, OutgoingHttpHeaders]>([
    ['of another origin', { ...json, origin: 'https://attacker.example' }],
    ['of another port', { ...json, origin: 'http://127.0.0.1:1' }],
    ['of an opaque origin', { ...json, origin: 'null' }],
    ['that the browser calls cross-site', { ...json, 'sec-fetch-site': 'cross-site' }],
    ['that the browser calls same-site', { ...json, 'sec-fetch-site': 'same-site' }],
    ['of a form that navigates', { ...json, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ])('%s is refused', async (_, headers) => {
    const known = eventCount();
    for (const route of [ROUTES.send, ROUTES.redrive]) {
      expect((await ask(route, headers, JSON.stringify(sampleOrder))).status).toBe(403);
    }
    expect(eventCount()).toBe(known);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined])(
    'with the content type %s is refused',
    async (contentType) => {
      const known = eventCount();
      const headers = contentType === undefined ? {} : { 'content-type': contentType };
      expect((await command(sampleOrder, headers)).status).toBe(415);
      expect(eventCount()).toBe(known);
    },
  );

  it('is not permitted by any CORS header', async () => {
    const preflight = request(new URL(ROUTES.send, stack.pageUrl), {
      method: 'OPTIONS',
      headers: { origin: 'https://attacker.example', 'access-control-request-method': 'POST' },
      agent: false,
    });
    preflight.end();
    const [answer] = (await once(preflight, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).not.toBe(200);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('is told from one of the page itself', async () => {
    const origin = stack.pageUrl.slice(0, -1);
    const headers = { ...json, origin, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    expect(await command(sampleOrder, headers)).toMatchObject({ status: 200 });
  });
});

describe('On a stack that listens on every interface, the page', () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  it.runIf(outside !== undefined)('is shown to this machine only under its own names', async () => {
    const everywhere = await startLocalStack({ ...options, host: '0.0.0.0' });
    try {
      const origin = everywhere.pageUrl.replace('0.0.0.0', outside as string);
      expect((await ask('/', {}, undefined, origin)).status).toBe(403);
      expect((await ask('/', { host: 'localhost' }, undefined, origin)).status).toBe(200);
    } finally {
      await everywhere.stop();
    }
  });
});

describe('What the page is told', () => {
  it('is the event as it came but for its tokens, with large integers intact', async () => {
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

  it('has the lines that the handler logged for this event, and none of another', async () => {
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

  it('holds no secret, whatever an event or a handler says', async () => {
    const messageId = await sendMessage(`the key is ${encryptKey}, the token ${token}, the secret ${appSecret}`);
    await command({ kind: 'again', messageId });
    const draft = `${ROUTES.draft}?${new URLSearchParams({ message: messageId })}`;
    const answers = await Promise.all(
      [`${ROUTES.event}?message=${messageId}`, draft, ROUTES.samples, '/', ROUTES.script, '/_events'].map((path) =>
        ask(path),
      ),
    );
    answers.push(await command(sampleOrder));
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      for (const secret of [encryptKey, token, appSecret]) expect(body).not.toContain(secret);
    }
    expect(answers[0]?.body).toContain('the key is');
  });

  it('holds no secret where a handler quotes one in why it dropped the event', async () => {
    const event = textMessage('Hello');
    event.message.message_type = appSecret;
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliverText(text);
    const messageId = await findMessage(JSON.parse(text).header.event_id);
    const reason = () => stack.events().find((record) => record.messageId === messageId)?.lastError;
    await vi.waitFor(() => expect(reason()).toContain(appSecret), wait);
    for (const path of [`${ROUTES.event}?message=${messageId}`, '/_events']) {
      const { body } = await ask(path);
      expect(body).toContain(`not ${HIDDEN}`);
      expect(body).not.toContain(appSecret);
    }
  });

  it('holds no secret where it comes live', async () => {
    const text = createSample('out_approval', { version: '1.0', token });
    await deliverText(JSON.stringify({ ...JSON.parse(text), uuid: `id-${appSecret}` }));
    await findMessage(`id-${appSecret}`);
    const asking = request(new URL(ROUTES.live, stack.pageUrl), { agent: false });
    asking.end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    let live = '';
    answer.setEncoding('utf8').on('data', (chunk) => {
      live += chunk;
    });
    await vi.waitFor(() => expect(live).toContain(`"id":"id-${HIDDEN}"`), wait);
    expect(live).not.toContain(appSecret);
    asking.destroy();
  });

  it('comes live, and ends with the stack', async () => {
    const other = await startLocalStack(options);
    const asking = request(new URL(ROUTES.live, other.pageUrl), { agent: false });
    asking.end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    expect(answer.headers['content-type']).toBe('text/event-stream');
    const ended = readText(answer);
    await deliver(
      other.webhookUrl,
      writeRequest(createSample('out_approval', { version: '1.0', token }), { encryptKey }, Date.now()),
    );
    await vi.waitFor(() => expect(other.events()[0]?.status).toBe('handled'), wait);
    await other.stop();
    const [start, ...batches] = (await ended).trim().split('\n\n');
    expect(start).toContain('event: start');
    const records = batches.flatMap((batch) => JSON.parse(batch.replace('data: ', '')));
    expect(records[0]).toMatchObject({ type: 'out_approval' });
  });
});

describe('A request for more than the page ever asks', () => {
  const brackets = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const deepEvent = JSON.stringify({ schema: '2.0', header: { event_type: 'a.b_v1', token }, event: { deep: 0 } });
  const deepText = deepEvent.replace('0}', `${brackets(50_000)}}`);
  const longName = 'x'.repeat(200_000);

  it.each<[string, string, string]>([
    ['a type of 200,000 characters', JSON.stringify({ kind: 'sample', type: longName }), '"type" must not be longer'],
    [
      'a variant of 200,000',
      JSON.stringify({ kind: 'sample', type: 'message', variant: longName }),
      '"variant" must not',
    ],
    [
      'a message id of 200,000',
      JSON.stringify({ kind: 'again', messageId: longName }),
      '"messageId" must not be longer',
    ],
    ['an origin of 200,000', JSON.stringify({ kind: 'text', text: '{}', from: longName }), '"from" must not be longer'],
    ['a text that is none', '{"kind":"text","text":{"schema":"2.0"}}', '"text" must be a string'],
    ['a type that is none', '{"kind":"sample","type":["message"]}', '"type" must be a string'],
    ['a kind that is none', `{"kind":${brackets(50_000)}}`, '"kind" must be'],
    ['an event nested 50,000 deep', JSON.stringify({ kind: 'text', text: deepText }), 'nested more than 1000 levels'],
    ['a body nested 50,000 deep', brackets(50_000), 'must be a JSON object'],
    ['a body that is not JSON', '{"kind":', 'JSON'],
  ])('to send %s is rejected, and the reason is given', async (_, body, reason) => {
    const known = stack.events().length;
    const { status, body: answer } = await ask(ROUTES.send, json, body);
    expect({ status, answer }).toEqual({ status: 400, answer: expect.stringContaining(reason.replaceAll('"', '\\"')) });
    expect(stack.events().length).toBe(known);
  });

  it.each<[string, string, string]>([
    ['an id of 200,000 characters', JSON.stringify({ messageId: longName }), '"messageId" must not be longer'],
    ['an id that is none', `{"messageId":${brackets(50_000)}}`, '"messageId" must be a string'],
    ['a list', '[]', 'must be a JSON object'],
  ])('to redrive %s is rejected, and the reason is given', async (_, body, reason) => {
    const { status, body: answer } = await ask(ROUTES.redrive, json, body);
    expect({ status, answer }).toEqual({ status: 400, answer: expect.stringContaining(reason.replaceAll('"', '\\"')) });
  });

  it('for a draft of a long type is rejected', async () => {
    const { status, body } = await ask(`${ROUTES.draft}?type=${'x'.repeat(300)}`);
    expect({ status, body }).toEqual({ status: 400, body: expect.stringContaining('must not be longer than 256') });
  });

  it('is rejected when its body is larger than 6 MiB', async () => {
    for (const route of [ROUTES.send, ROUTES.redrive]) {
      expect((await ask(route, json, JSON.stringify({ kind: 'text', text: 'x'.repeat(6 * 1024 * 1024) }))).status).toBe(
        413,
      );
    }
  });
});

describe('What an earlier npm start has left in the dead-letter queue', () => {
  it('is shown with its content, and can be brought back', async () => {
    await using project = await createProject();
    const handlerThat = (does: string) => `import { onEvent, RetryAfter } from '#feishu-events';
      export default onEvent('im.chat.updated_v1', () => { ${does} });`;
    const dataFolder = path.join(project.root, '.local');
    const text = createSample('im.chat.updated_v1', { version: '2.0', token });
    const { event_id: id } = JSON.parse(text).header;
    await project.writeHandler('v2/im.chat.updated_v1.ts', handlerThat("throw new RetryAfter(0, 'not yet');"));
    const failing = await startLocalStack({ ...options, root: project.root, dataFolder });
    await deliver(failing.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    await vi.waitFor(() => expect(failing.events()[0]?.status).toBe('dead'), wait);
    await failing.stop();

    await project.writeHandler('v2/im.chat.updated_v1.ts', handlerThat('void RetryAfter;'));
    const mended = await startLocalStack({ ...options, root: project.root, dataFolder });
    try {
      const messageId = mended.events().find((record) => record.id === id)?.messageId;
      const details = await ask(`${ROUTES.event}?message=${messageId}`, {}, undefined, mended.pageUrl);
      expect(JSON.parse(details.body)).toMatchObject({
        record: { status: 'dead', attempts: 5, lastError: 'RetryAfter: not yet' },
        json: expect.stringContaining(id),
      });
      const report = await ask(ROUTES.redrive, json, JSON.stringify({ messageId }), mended.pageUrl);
      expect(JSON.parse(report.body)).toEqual({ moved: 1, failed: 0 });
      await vi.waitFor(() => {
        expect(mended.events().map(({ status }) => status)).toEqual(['redriven', 'handled']);
      }, wait);
    } finally {
      await mended.stop();
    }
  });
});

describe('What the page sends', () => {
  it('goes through the gateway, signed and encrypted', async () => {
    const { body } = await command(sampleOrder);
    expect(JSON.parse(body)).toMatchObject({ status: 200, body: '{"msg":"success"}' });
  });

  it.each(['card.action.trigger', 'card.action.trigger_v1', 'url.preview.get'])(
    'can be a callback: %s',
    async (type) => {
      expect(JSON.parse((await command({ kind: 'sample', type })).body)).toMatchObject({ status: 200 });
      const reason = () => stack.events().at(-1)?.lastError;
      await vi.waitFor(
        () => expect(reason()).toMatch(new RegExp(`^The callback already has its response\\. .*/${type}\\.ts `)),
        wait,
      );
    },
  );

  it('is rejected in words when it is nested too deeply', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const answer = await command({ kind: 'text', text: `{"event":{"type":"message","deep":${deep}}}` });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('nested more than 1000 levels deep');
  });

  it('is a duplicate when it is the same event again', async () => {
    const messageId = await sendMessage('again');
    await vi.waitFor(async () => expect((await detailsOf(messageId)).record.status).toBe('handled'), wait);
    await command({ kind: 'again', messageId });
    await vi.waitFor(() => expect(stack.events().at(-1)).toMatchObject({ status: 'duplicate' }), wait);
    expect(stack.events().at(-1)?.id).toBe((await detailsOf(messageId)).record.id);
  });

  it('is another event when it was edited, with the tokens that were hidden', async () => {
    const event = { ...textMessage('first'), token: 'c-card-token' };
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliverText(text);
    const messageId = await findMessage(JSON.parse(text).header.event_id);
    const draft = JSON.parse(JSON.parse((await ask(`${ROUTES.draft}?message=${messageId}`)).body).text);
    expect(draft.event.token).toBe(HIDDEN);
    expect(draft.header.event_id).not.toBe(JSON.parse(text).header.event_id);
    draft.event.message.content = '{"text":"second"}';
    const answer = await command({ kind: 'text', text: JSON.stringify(draft), from: messageId });
    expect(JSON.parse(answer.body)).toMatchObject({ status: 200 });
    const edited = await findMessage(draft.header.event_id);
    await vi.waitFor(async () => expect((await detailsOf(edited)).record.status).toBe('handled'), wait);
    expect((await detailsOf(edited)).json).toContain('second');
  });

  it('keeps the tokens of a sample that was edited', async () => {
    const draft = JSON.parse((await ask(`${ROUTES.draft}?type=card.action.trigger`)).body).text;
    expect(JSON.parse(draft).event.token).toMatch(/^c-/);
  });

  it.each<[string, object]>([
    ['an event that is no longer kept', { kind: 'again', messageId: 'unknown' }],
    ['a text that is no JSON', { kind: 'text', text: '{' }],
    ['a text that is no event', { kind: 'text', text: '{}' }],
    ['a type that is mistyped', { kind: 'sample', type: 'im.mesage.receive_v1' }],
    ['a sample that there is not', { kind: 'sample', type: 'im.message.receive_v1', variant: 'none' }],
  ])('is refused with a reason: %s', async (_, order) => {
    const { status, body } = await ask(ROUTES.send, json, JSON.stringify(order));
    expect(status).toBe(400);
    expect(JSON.parse(body).message).toMatch(/\w{3}/);
  });
});
