import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { formatFunctionLine } from '../../lib/local/functions/function-lines.ts';
import type { Stack } from '../../lib/local/stack.ts';
import type { ApiCall } from '../../lib/mock-platform/mock-platform.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { recordOutput } from '../support/written-output.ts';

// End to end through the gateway, the deployed bundles, the queue and the worker.

const apiCalls: ApiCall[] = [];
const lines: string[] = [];
let stack: Stack;

beforeAll(async () => {
  stack = await startLocalStack({
    environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token, LOG_LEVEL: 'DEBUG' },
    onLine(line) {
      lines.push(line);
      recordOutput(`${line}\n`);
    },
    onApiCall: (call) => apiCalls.push(call),
  });
});
afterAll(() => stack.stop());

const signed = (text: string, now = Date.now()) => writeRequest(text, { encryptKey }, now);
const send = (request: WebhookRequest) => deliver(stack.webhookUrl, request);

function messageWith(fields: Record<string, unknown>): string {
  const body = JSON.parse(createSample('im.message.receive_v1', { version: '2.0', token }));
  return JSON.stringify({ ...body, header: { ...body.header, ...fields } });
}

describe('An event type', () => {
  it.each([
    '../../../lib/handler',
    '../v2/im.message.receive_v1',
    './im.message.receive_v1',
    '%2e%2e/im.message.receive_v1',
    'im.message.receive_v1.ts',
    'im.message.receive_v1\u0000',
    'im.message.receive_v1\n',
    'constructor',
    '__proto__',
    'toString',
    'con',
    'x'.repeat(10_000),
  ])('such as %j finds no module, and its event reaches the worker, which has no handler for it', async (type) => {
    const id = crypto.randomUUID();
    expect(await send(signed(messageWith({ event_type: type, event_id: id })))).toMatchObject({ status: 200 });
    await vi.waitFor(() => {
      expect(stack.events().find((record) => record.id === id)).toMatchObject({
        type,
        status: 'unhandled',
        attempts: 1,
      });
    }, wait);
  });
});

describe('An event nested 50,000 deep', () => {
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  it.each([
    ['im.message.receive_v1', '2.0'],
    ['im.chat.updated_v1', '2.0'],
    ['card.action.trigger', '2.0'],
    ['url.preview.get', '2.0'],
    ['message', '1.0'],
  ] as const)('of type %s is accepted and processed by the worker', async (type, version) => {
    const id = crypto.randomUUID();
    const sample = JSON.parse(createSample(type, { version, token }));
    const identified =
      version === '1.0' ? { ...sample, uuid: id } : { ...sample, header: { ...sample.header, event_id: id } };
    const text = JSON.stringify(identified).replace('"event":{', `"deep":${deep},"event":{"deep":${deep},`);
    expect(await send(signed(text))).toMatchObject({ status: 200 });
    await vi.waitFor(() => {
      const record = stack.events().find((event) => event.id === id);
      expect(record).toMatchObject({ type, attempts: 1 });
      expect(['handled', 'dropped', 'answered', 'unhandled']).toContain(record?.status);
    }, wait);
  });

  it('is rejected like any other if it is unsigned', async () => {
    expect(await send({ headers: {}, body: Buffer.from(deep) })).toMatchObject({ status: 401 });
  });
});

describe('Long ids and types', () => {
  it('do not make log lines long', async () => {
    const id = `${crypto.randomUUID()}${'i'.repeat(200_000)}`;
    const firstLine = lines.length;
    const request = signed(
      messageWith({ event_id: id, event_type: 't'.repeat(200_000), tenant_key: 'k'.repeat(200_000) }),
    );
    expect(await send(request)).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(stack.events().find((event) => event.id === id)?.status).toBe('unhandled'), wait);
    const written = lines.slice(firstLine);
    expect(written.filter((line) => line.includes(id.slice(0, 36)))).toHaveLength(2);
    expect(written.filter((line) => line.length > 5000).map((line) => line.length)).toEqual([]);
  });
});

describe('A replayed request', () => {
  it('takes effect once', async () => {
    const event = textMessage('Once');
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    const request = signed(text);
    const responses = await Promise.all(Array.from({ length: 5 }, () => send(request)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { message_id: messageId } = event.message;
    const { event_id: id } = JSON.parse(text).header;
    await vi.waitFor(() => {
      const byStatus = Map.groupBy(stack.events(), (record) => (record.id === id ? record.status : 'other'));
      expect(byStatus.get('handled')?.length).toBe(1);
      // More than 4 if a request was queued too late for a 200 and was sent again.
      expect(byStatus.get('duplicate')?.length).toBeGreaterThanOrEqual(4);
    }, wait);
    expect(apiCalls.filter(({ path }) => path.includes(messageId)).length).toBe(1);
  });

  it('is rejected after three days', async () => {
    const before = Date.now() - (72 * 60 * 60 + 60) * 1000;
    const response = await send(signed(createSample('im.message.receive_v1', { version: '2.0', token }), before));
    expect(response).toMatchObject({ status: 401, body: expect.stringContaining('FEISHU_REQUEST_TOO_OLD') });
  });
});

describe('Ids and types with control characters', () => {
  it('forge no log line, and send no control character to the terminal', async () => {
    const forged = '\n{"level":"ERROR","message":"forged"}\r\u001b[2J\u009b2J\u202e';
    const id = crypto.randomUUID() + forged;
    const firstLine = lines.length;
    await send(signed(messageWith({ event_id: id, event_type: `a${forged}`, tenant_key: forged, app_id: forged })));
    await vi.waitFor(() => expect(stack.events().find((record) => record.id === id)?.status).toBe('unhandled'), wait);
    const written = lines.slice(firstLine);
    expect(written.map((line) => JSON.parse(line).message)).not.toContain('forged');
    expect(written.some((line) => JSON.parse(line).event_id === id)).toBe(true);
    const shown = written.map((line) => formatFunctionLine(line) ?? '');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: matches what the output must not contain
    expect(shown.filter((line) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(line))).toEqual([]);
  });

  it('are not copied from a header to the log', async () => {
    const firstLine = lines.length;
    const request = signed(createSample('out_approval', { version: '1.0', token }));
    await send({ ...request, headers: { ...request.headers, 'x-request-id': 'a b"}' } });
    const [line = '{}'] = lines.slice(firstLine).filter((text) => text.includes('accepted'));
    expect(JSON.parse(line)).toMatchObject({ message: 'accepted' });
    expect(JSON.parse(line).request_id).toBeUndefined();
  });
});

describe('The gateway', () => {
  const body = '{}';
  const requests: [string, string][] = [
    ['bytes that are not HTTP', '\x16\x03\x01\x02\x00'],
    ['an invalid URL', `POST // HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n${body}`],
    ['another invalid URL', `POST http://[ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n${body}`],
    [
      'both a length and chunks',
      `POST /feishu/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', `POST /feishu/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n${body}`],
    [
      'a chunk with an invalid size',
      'POST /feishu/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n',
    ],
    [
      'a header of 100,000 characters',
      `POST /feishu/events HTTP/1.1\r\nHost: a\r\nX-Lark-Signature: ${'a'.repeat(100_000)}\r\n\r\n`,
    ],
    [
      'a header that is not ASCII',
      'POST /feishu/events HTTP/1.1\r\nHost: a\r\nX-Lark-Signature: \u00ff\u00fe\r\nContent-Length: 2\r\n\r\n{}',
    ],
    ['the method CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a connection that ends in the body', 'POST /feishu/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{'],
  ];
  it.each(requests)('survives %s', async (_, text) => {
    const { port, hostname } = new URL(stack.webhookUrl);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    let response = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      response += chunk;
    });
    // Node responds on a half-closed connection, then ends it.
    socket.end(text, 'latin1');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(response).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
    const genuine = await send(signed(createSample('out_approval', { version: '1.0', token })));
    expect(genuine.status).toBe(200);
  });

  it('accepts as many bytes as Lambda, and rejects one more', async () => {
    const sizes = [6 * 1024 * 1024 + 1, 6 * 1024 * 1024];
    const responses = await Promise.all(sizes.map((size) => send({ headers: {}, body: Buffer.alloc(size, 'a') })));
    expect(responses.map(({ status }) => status)).toEqual([413, 401]);
  });
});
