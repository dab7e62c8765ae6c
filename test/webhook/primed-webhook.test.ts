import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { createSqsSender } from '../../lib/intake/sqs-sender.ts';
import { acceptedChannel } from '../../lib/observability/diagnostics-channels.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createPrimedWebhook } from '../../lib/webhook/primed-webhook.ts';
import { createCertificate } from '../support/certificate.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
const noCallbacks: ImportModule = (type) => {
  throw new Error(`Module not found in bundle: ${type}`);
};

/** What reached the mock of SQS. */
let sockets: Socket[];
let messages: string[];

const storeMessage: RequestListener = async (request, response) => {
  const { MessageBody } = JSON.parse(Buffer.concat(await request.toArray()).toString());
  messages.push(MessageBody);
  const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
  response.end(JSON.stringify({ MessageId: `${messages.length}`, MD5OfMessageBody }));
};

beforeEach(() => {
  sockets = [];
  messages = [];
  vi.stubEnv('FEISHU_EVENTS_EMULATORS', undefined);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the secret of a session');
});

/** @returns the function's environment */
async function listen(server: Server | ReturnType<typeof createTcpServer>, port = 0): Promise<Record<string, string>> {
  const isSecure = server instanceof tls.Server;
  server.on(isSecure ? 'secureConnection' : 'connection', (socket: Socket) =>
    sockets.push(socket.on('error', () => {})),
  );
  await once(server.listen(port, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return useEndpoint(`${isSecure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function useEndpoint(origin: string): Record<string, string> {
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', origin);
  return { ...secrets, QUEUE_URL: `${origin}/000000000000/events` };
}

/** A connection may take longer than the limit on a busy machine. */
function withoutTimeLimits(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

const messageText = () => createSample('im.message.receive_v1', { version: '2.0', token });
const signed = (text: string) => toHttpEvent(writeRequest(text, { encryptKey }, Date.now()));
const urlVerification = () => signed(JSON.stringify({ type: 'url_verification', challenge: 'abc', token }));

describe('The init phase of the webhook', () => {
  it('connects to SQS, sends no message, writes no line and reports no event', async () => {
    withoutTimeLimits();
    const published: unknown[] = [];
    const publish = (message: unknown) => void published.push(message);
    subscribe(acceptedChannel.name, publish);
    onTestFinished(() => void unsubscribe(acceptedChannel.name, publish));
    await createPrimedWebhook(noCallbacks, await listen(createServer(storeMessage)));
    await vi.waitFor(() => expect(sockets).toHaveLength(1), wait);
    expect({ messages, published, lines: writtenLines() }).toEqual({ messages: [], published: [], lines: [] });
  });

  it('prepares the connection that all events use, and each event sends one message', async () => {
    withoutTimeLimits();
    const webhook = await createPrimedWebhook(noCallbacks, await listen(createServer(storeMessage)));
    const texts = [messageText(), messageText(), messageText()];
    for (const text of texts) expect((await webhook(signed(text))).body).toBe('{"msg":"success"}');
    expect(messages).toEqual(texts);
    expect(sockets).toHaveLength(1);
    expect(writtenLines()).toHaveLength(3);
  });

  it('prepares a TLS connection', async () => {
    withoutTimeLimits();
    const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-tls-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { key, certificate } = await createCertificate(folder);
    const cert = await readFile(certificate, 'utf8');
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...trusted, cert]);
    onTestFinished(() => tls.setDefaultCACertificates(trusted));
    const server = createSecureServer({ key: await readFile(key), cert }, storeMessage);
    const webhook = await createPrimedWebhook(noCallbacks, await listen(server));
    await vi.waitFor(() => expect(sockets).toHaveLength(1), wait);
    const text = messageText();
    expect((await webhook(signed(text))).statusCode).toBe(200);
    expect(messages).toEqual([text]);
    expect(sockets).toHaveLength(1);
  });

  it('does not lose an event if SQS has closed the connection since', async () => {
    const webhook = await createPrimedWebhook(noCallbacks, await listen(createServer(storeMessage)));
    await vi.waitFor(() => expect(sockets).toHaveLength(1), wait);
    sockets[0]?.resetAndDestroy();
    const text = messageText();
    expect((await webhook(signed(text))).statusCode).toBe(200);
    expect(messages).toEqual([text]);
    expect(sockets).toHaveLength(2);
  });

  it('ends if nothing listens; events are stored once something does', async () => {
    const server = createServer(storeMessage);
    const environment = await listen(server);
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const webhook = await createPrimedWebhook(noCallbacks, environment);
    expect(sockets).toEqual([]);
    expect((await webhook(urlVerification())).body).toBe('{"challenge":"abc"}');
    expect((await webhook(signed(messageText()))).statusCode).toBe(503);
    await listen(createServer(storeMessage), port);
    const text = messageText();
    expect((await webhook(signed(text))).statusCode).toBe(200);
    expect(messages).toEqual([text]);
  });

  it('ends if SQS does not respond, and closes the connection', async () => {
    const environment = await listen(createTcpServer());
    const origin = environment.QUEUE_URL?.replace('http:', 'https:').split('/0')[0] ?? '';
    const webhook = await createPrimedWebhook(noCallbacks, useEndpoint(origin));
    await vi.waitFor(() => expect(sockets).toHaveLength(1), wait);
    await once(sockets[0]?.resume() as Socket, 'close');
    expect((await webhook(urlVerification())).body).toBe('{"challenge":"abc"}');
  });

  it('leaves configuration errors to the requests, which report them until they are fixed', async () => {
    for (const name of ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, '');
    const environment: Record<string, string> = {};
    const webhook = await createPrimedWebhook(noCallbacks, environment);
    expect(writtenLines()).toEqual([]);
    expect((await webhook(signed(messageText()))).body).toContain('FEISHU_MISCONFIGURED');
    Object.assign(environment, secrets, { QUEUE_URL: 'https://127.0.0.1:1/000000000000/events' });
    expect((await webhook(urlVerification())).body).toBe('{"challenge":"abc"}');
  });
});

describe('A rehearsed message', () => {
  it('gets a response without being sent', async () => {
    const { QUEUE_URL: QueueUrl = '' } = await listen(createServer(storeMessage));
    const sender = createSqsSender();
    const { signal } = new AbortController();
    expect(await sender.rehearse({ QueueUrl, MessageBody: 'rehearsal' }, signal)).toBe('rehearsed');
    await sender.connected();
    expect(messages).toEqual([]);
    expect(await sender.send({ QueueUrl, MessageBody: 'hello' }, signal)).toBe('1');
    expect(messages).toEqual(['hello']);
  });
});
