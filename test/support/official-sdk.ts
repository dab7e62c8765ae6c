import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { adaptDefault, CardActionHandler, EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import type { WebhookRequest } from '../../lib/feishu/request.ts';

type OfficialDispatcher = EventDispatcher | CardActionHandler;
type Secrets = { encryptKey?: string; verificationToken?: string };
/** The fields of an event and of its envelope, merged into one object. */
export type OfficialPayload = Record<string, unknown>;

/** The path that the adapter serves. */
export const OFFICIAL_PATH = '/feishu/events';

/** Creates the official dispatcher with a handler for one type that adds each payload to `received`. */
export function officialDispatcher(type: string, secrets: Secrets) {
  const received: OfficialPayload[] = [];
  const dispatcher = new EventDispatcher({ ...secrets, loggerLevel: LoggerLevel.fatal }).register({
    [type]: (payload: OfficialPayload) => {
      received.push(payload);
    },
  });
  return { dispatcher, received };
}

/** Creates the official dispatcher with a handler that throws. */
export function failingDispatcher(type: string, secrets: Secrets) {
  return new EventDispatcher({ ...secrets, loggerLevel: LoggerLevel.fatal }).register({
    [type]: () => {
      throw new Error('The database is down');
    },
  });
}

/** Creates the official handler of legacy card callbacks. */
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

/** Invokes the dispatcher with a request as its adapters do, without HTTP. */
export function invokeOfficial(dispatcher: OfficialDispatcher, { headers, body }: WebhookRequest): Promise<unknown> {
  return dispatcher.invoke(Object.assign(Object.create({ headers }), JSON.parse(body.toString())));
}

/** Posts a request to the dispatcher behind the SDK's adapter for Node's HTTP server. */
export async function postToOfficial(
  dispatcher: OfficialDispatcher,
  { headers, body }: { headers: WebhookRequest['headers']; body: NonNullable<RequestInit['body']> },
  { path = OFFICIAL_PATH, autoChallenge = false } = {},
): Promise<{ hasResponse: boolean; status?: number; body?: string }> {
  const adapter = adaptDefault(OFFICIAL_PATH, dispatcher, { autoChallenge });
  let hasResponse = true;
  const server = createServer(async (request, response) => {
    await adapter(request, response).catch(() => undefined);
    // The adapter has finished: if it has not responded by now, it never will.
    hasResponse = response.writableEnded;
    if (!hasResponse) response.destroy();
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
    return { hasResponse, status: response.status, body: await response.text() };
  } catch (error) {
    if (hasResponse) throw error;
    return { hasResponse };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

// An independent implementation of the platform's requests, so that a bug in `lib/feishu` cannot hide itself.

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
  const initializationVector = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(key).digest(), initializationVector);
  const bytes = Buffer.concat([initializationVector, cipher.update(text), cipher.final()]);
  return JSON.stringify({ encrypt: bytes.toString('base64') });
}
