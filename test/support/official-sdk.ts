import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { adaptDefault, CardActionHandler, EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import type { WebhookRequest } from '../../lib/feishu/request.ts';

type OfficialDispatcher = EventDispatcher | CardActionHandler;
type Secrets = { encryptKey?: string; verificationToken?: string };
/** An event's fields and its envelope's in one object. */
export type OfficialPayload = Record<string, unknown>;

/** Where the adapter answers. */
export const OFFICIAL_PATH = '/feishu/events';

/** The official dispatcher with a handler for one type; `received` is what the handler got. */
export function officialDispatcher(type: string, secrets: Secrets) {
  const received: OfficialPayload[] = [];
  const dispatcher = new EventDispatcher({ ...secrets, loggerLevel: LoggerLevel.fatal }).register({
    [type]: (payload: OfficialPayload) => {
      received.push(payload);
    },
  });
  return { dispatcher, received };
}

/** The official dispatcher with a handler that throws. */
export function failingDispatcher(type: string, secrets: Secrets) {
  return new EventDispatcher({ ...secrets, loggerLevel: LoggerLevel.fatal }).register({
    [type]: () => {
      throw new Error('The database is down');
    },
  });
}

/** The official dispatcher of old card callbacks. */
export function officialCardHandler(secrets: Secrets) {
  const received: OfficialPayload[] = [];
  const dispatcher = new CardActionHandler(
    { ...secrets, loggerLevel: LoggerLevel.fatal },
    (payload: OfficialPayload) => {
      received.push(payload);
    },
  );
  return { dispatcher, received };
}

/** Gives a request to the dispatcher as its adapters do, without a transport. */
export function invokeOfficial(dispatcher: OfficialDispatcher, { headers, body }: WebhookRequest): Promise<unknown> {
  return dispatcher.invoke(Object.assign(Object.create({ headers }), JSON.parse(body.toString())));
}

/** Posts a request to the dispatcher behind the SDK's own adapter for Node's HTTP server. */
export async function postToOfficial(
  dispatcher: OfficialDispatcher,
  { headers, body }: { headers: WebhookRequest['headers']; body: NonNullable<RequestInit['body']> },
  { path = OFFICIAL_PATH, autoChallenge = false } = {},
): Promise<{ isAnswered: boolean; status?: number; body?: string }> {
  const adapter = adaptDefault(OFFICIAL_PATH, dispatcher, { autoChallenge });
  let isAnswered = true;
  const server = createServer(async (request, response) => {
    await adapter(request, response).catch(() => undefined);
    // Its work is over: what it has not answered now it never will.
    isAnswered = response.writableEnded;
    if (!isAnswered) response.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body,
      duplex: 'half',
    });
    return { isAnswered, status: response.status, body: await response.text() };
  } catch (error) {
    if (isAnswered) throw error;
    return { isAnswered };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

// What the platform sends is written here once more, so that no error of `lib/feishu` can vouch for itself.

export function plainRequest(text: string): WebhookRequest {
  return { headers: { 'content-type': 'application/json; charset=utf-8' }, body: Buffer.from(text) };
}

export function signedRequest(
  text: string,
  secret: string,
  { algorithm = 'sha256', timestamp = `${Math.floor(Date.now() / 1000)}` } = {},
): WebhookRequest {
  const { headers, body } = plainRequest(text);
  const nonce = randomBytes(4).toString('hex');
  const signature = createHash(algorithm).update(`${timestamp}${nonce}${secret}${text}`).digest('hex');
  return {
    headers: {
      ...headers,
      'x-lark-request-timestamp': timestamp,
      'x-lark-request-nonce': nonce,
      'x-lark-signature': signature,
    },
    body,
  };
}

export function encryptedBody(text: string, key: string): string {
  const initialisationVector = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(key).digest(), initialisationVector);
  const bytes = Buffer.concat([initialisationVector, cipher.update(text), cipher.final()]);
  return JSON.stringify({ encrypt: bytes.toString('base64') });
}
