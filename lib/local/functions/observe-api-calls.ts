import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { type HandledEvent, handlerChannel } from '../../observability/diagnostics-channels.ts';

/** A call of the platform's API by a handler. */
export interface ObservedCall {
  /** Of the event whose handler made the call. */
  eventId: string;
  /** ISO 8601 */
  startedAt: string;
  milliseconds: number;
  method: string;
  /** With the query. */
  path: string;
  request?: string;
  /** Missing if there was no response. */
  status?: number;
  response?: string;
  /** Why there was no complete response. */
  error?: string;
}

/** The channel on which {@link observeApiCalls} publishes calls. */
export const apiCallChannel = channel('feishu-events:api-call');

const MAXIMUM_BODY_BYTES = 256 * 1024;
const MAXIMUM_CHARACTERS = 20_000;
/** Getting a token is the SDK's own call, and consists of secrets. */
const NOT_OBSERVED = /^\/open-apis\/auth\//;
const BINARY_TYPE = /^(multipart\/|application\/octet-stream|image\/|audio\/|video\/)/;

/** A body that is copied while it is sent or received. */
class CopiedBody {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: unknown): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    const bytes = Buffer.from(chunk as string);
    this.#bytes += bytes.length;
    if (this.#bytes > MAXIMUM_BODY_BYTES) this.#chunks = [];
    else this.#chunks.push(bytes);
  }

  /** @returns `undefined` if it is empty */
  text(contentType: unknown, encoding?: string): string | undefined {
    if (this.#bytes === 0) return undefined;
    const size = `(${this.#bytes} bytes)`;
    if (this.#bytes > MAXIMUM_BODY_BYTES || BINARY_TYPE.test(String(contentType))) return size;
    const bytes = decompress(Buffer.concat(this.#chunks), encoding);
    const text = bytes?.toString() ?? size;
    return text.length > MAXIMUM_CHARACTERS ? `${text.slice(0, MAXIMUM_CHARACTERS)}…` : text;
  }
}

const DECOMPRESSORS = new Map([
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
]);

function decompress(bytes: Buffer, encoding = 'identity'): Buffer | undefined {
  if (encoding === 'identity') return bytes;
  try {
    return DECOMPRESSORS.get(encoding)?.(bytes, { maxOutputLength: MAXIMUM_BODY_BYTES });
  } catch {
    return undefined;
  }
}

/**
 * Publishes the calls of the platform's API that handlers in this thread make, with the mock platform or the real one.
 * Observes the HTTP client of Node, so the deployed code does not differ.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#built-in-channels
 */
export function observeApiCalls(): void {
  const events = new AsyncLocalStorage<HandledEvent>();
  handlerChannel.bindStore(events);
  const observed = new WeakMap<ClientRequest, (response: IncomingMessage) => void>();
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest };
    const eventId = events.getStore()?.eventId;
    if (eventId === undefined || !request.path.startsWith('/open-apis/') || NOT_OBSERVED.test(request.path)) return;
    observed.set(request, observe(request, eventId));
  });
  subscribe('http.client.response.finish', (message) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    observed.get(request)?.(response);
  });
}

/** @returns a function to call when the response starts */
function observe(request: ClientRequest, eventId: string): (response: IncomingMessage) => void {
  const started = performance.now();
  const startedAt = new Date().toISOString();
  const sent = new CopiedBody();
  const received = new CopiedBody();
  let response: IncomingMessage | undefined;
  let headers: IncomingMessage['headers'] = {};
  copyArguments(request, 'write', sent);
  copyArguments(request, 'end', sent);
  request.once('close', () => {
    const requestText = sent.text(request.getHeader('content-type'));
    const responseText = received.text(headers['content-type'], headers['content-encoding']);
    apiCallChannel.publish({
      eventId,
      startedAt,
      milliseconds: Math.round(performance.now() - started),
      method: request.method,
      path: request.path,
      ...(requestText !== undefined && { request: requestText }),
      ...(response?.statusCode !== undefined && { status: response.statusCode }),
      ...(responseText !== undefined && { response: responseText }),
      ...(response?.complete !== true && { error: 'The connection was closed before the response was complete.' }),
    } satisfies ObservedCall);
  });
  return (incoming) => {
    response = incoming;
    // A copy, because the SDK's HTTP client removes the encoding from the headers.
    headers = { ...incoming.headers };
    // A listener for its data would start its flow before the client listens.
    copyArguments(incoming, 'push', received);
  };
}

/** Copies the first argument of each call of a method, which otherwise behaves as before. */
function copyArguments<Name extends string>(
  target: Record<Name, (...parameters: never[]) => unknown>,
  name: Name,
  body: CopiedBody,
): void {
  const method = target[name];
  target[name] = function (this: unknown, ...parameters: never[]) {
    body.add(parameters[0]);
    return Reflect.apply(method, this, parameters);
  };
}
