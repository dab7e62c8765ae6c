import { tryParseJsonObject } from '../feishu/envelope.ts';
import { uniqueId } from '../samples/sample-values.ts';
import type { Api, ApiContext, ApiRequest } from './api.ts';
import { BOT_APIS } from './bot-apis.ts';
import { CardKit } from './card-kit.ts';
import { DIRECTORY_APIS } from './directory-apis.ts';
import { PlatformError } from './errors.ts';
import { type Failure, Failures } from './failures.ts';
import { createMessageApis } from './message-apis.ts';
import { type ChatMessage, PlatformState } from './platform-state.ts';
import { REACTION_APIS } from './reaction-apis.ts';
import { receiveEvent } from './received-events.ts';
import { RESOURCE_APIS } from './resource-apis.ts';
import type { Resource } from './resources.ts';
import { Routes } from './routes.ts';
import { sdkRoutes, similarRoutes } from './sdk-apis.ts';

/** An app's call of the platform's API. */
export interface ApiCall {
  method: string;
  /** With the query. */
  path: string;
  body: string;
}

/** An HTTP request. Header names are in lower case. */
export interface PlatformRequest {
  method: string;
  /** The path and the query. */
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export interface PlatformResponse {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

export interface MockPlatformOptions {
  /** In milliseconds since the epoch. Default: the clock of this machine. */
  now?: () => number;
  /** Called for each API call. If it throws, the call fails with 503, as in an outage of the platform. */
  onCall?: (call: ApiCall) => void;
  /** Called once for each API that the mock platform does not simulate or that does not exist. */
  onNotice?: (text: string) => void;
  /** Called with each message that is new or has changed. */
  onChange?: (message: ChatMessage) => void;
}

const MAXIMUM_NOTICES = 1000;

/** The APIs that the mock platform simulates, except for CardKit's. */
export function createApis(): Api[] {
  return [...createMessageApis(), ...REACTION_APIS, ...RESOURCE_APIS, ...DIRECTORY_APIS, ...BOT_APIS];
}

/**
 * Simulates the platform's API for messages, cards, files, users and chats, in memory. The official SDK's client works
 * with it unchanged.
 */
export class MockPlatform {
  readonly state: PlatformState;
  readonly cardKit: CardKit;
  readonly #options: MockPlatformOptions;
  readonly #context: ApiContext;
  readonly #failures = new Failures();
  readonly #noticed = new Set<string>();
  readonly #apis: Routes<Api>;
  #sdkApis: Routes<string> | undefined;

  constructor(options: MockPlatformOptions = {}) {
    const now = options.now ?? Date.now;
    this.#options = options;
    this.state = new PlatformState(now, (message) => options.onChange?.(message));
    this.cardKit = new CardKit(now);
    this.#context = { state: this.state, cardKit: this.cardKit };
    this.#apis = new Routes(createApis().map((api) => [api.route, api]));
  }

  /**
   * Makes the next calls fail, before they have an effect.
   *
   * @throws {TypeError} if the platform has no such API
   */
  failNext(failure: Failure): void {
    this.#failures.add(failure);
  }

  /**
   * Stores the messages of an event that the mock platform has not created, so that its handler can reply to them.
   *
   * @param text the event's decrypted JSON
   */
  receive(text: string): void {
    receiveEvent(text, this.state);
  }

  /** Responds to a request as the platform does. */
  async respond(request: PlatformRequest): Promise<PlatformResponse> {
    const { method, url } = request;
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    if (pathname.startsWith('/open-apis/auth/')) {
      const token = `t-${uniqueId()}`;
      return json(200, { ...SUCCESS, tenant_access_token: token, app_access_token: token, expire: 7200 });
    }
    const isForm = String(request.headers['content-type']).startsWith('multipart/form-data');
    try {
      this.#options.onCall?.({ method, path: url, body: isForm ? '(a file)' : request.body.toString() });
    } catch (error) {
      return json(503, { code: 503, msg: error instanceof Error ? error.message : 'unavailable' });
    }
    const failure = this.#failures.take(method, pathname);
    if (failure !== undefined) return json(failure.status, failure.body, failure.headers);
    if (request.headers.authorization === undefined) {
      return json(400, { code: 99991661, msg: 'Missing access token for authorization.' });
    }
    const form = isForm ? await readForm(request) : new Map();
    const body = isForm ? {} : (tryParseJsonObject(request.body.toString()) ?? {});
    try {
      return this.#dispatch(method, pathname, { query: searchParams, body, form });
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return json(error.status, { code: error.code, msg: error.message, error: { log_id: uniqueId() } });
    }
  }

  #dispatch(method: string, path: string, request: Omit<ApiRequest, 'path'>): PlatformResponse {
    const card = this.cardKit.handle(method, path, request.body);
    if (card !== undefined) {
      this.#showCard(path);
      return json(card.status, card.body);
    }
    const match = this.#apis.find(method, path);
    if (match === undefined) return this.#respondUnsimulated(method, path);
    const { value: api, parameters } = match;
    const result = api.handle({ ...request, path: parameters }, this.#context);
    if (api.isDownload) return file(result as Resource);
    return json(200, { ...SUCCESS, ...(api.isWholeBody ? result : { data: result }) });
  }

  #respondUnsimulated(method: string, path: string): PlatformResponse {
    this.#sdkApis ??= new Routes(sdkRoutes().map((route) => [route, route]));
    const known = this.#sdkApis.find(method, path);
    if (known === undefined) {
      const call = `${method} ${path}`;
      const similar = similarRoutes(call).join(', ');
      this.#notice(
        call,
        `No API of the official SDK is ${call}. The mock platform responded with 404. Similar: ${similar}`,
      );
      return { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' };
    }
    this.#notice(known.value, `The mock platform does not simulate ${known.value}. It responded without data.`);
    return json(200, { ...SUCCESS, data: {} });
  }

  #notice(subject: string, text: string): void {
    if (this.#noticed.has(subject) || this.#noticed.size >= MAXIMUM_NOTICES) return;
    this.#noticed.add(subject);
    this.#options.onNotice?.(text);
  }

  /** A message shows the current state of its card entity. */
  #showCard(path: string): void {
    const [, cardId] = /\/cards\/([^/]+)/.exec(path) ?? [];
    const message = this.state.messages().findLast((each) => cardId !== undefined && each.cardId === cardId);
    const card = cardId === undefined ? undefined : this.cardKit.card(cardId);
    if (message === undefined || card === undefined) return;
    const isChanged = JSON.stringify(message.card) !== JSON.stringify(card.json);
    // A copy, because CardKit may change its object in place.
    if (isChanged) {
      this.state.changeMessage(message.messageId, { card: structuredClone(card.json), updatedAt: this.state.now() });
    }
  }
}

const SUCCESS = { code: 0, msg: 'success' };

function json(status: number, body: object, headers: Record<string, string> = {}): PlatformResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

function file({ name, content }: Resource): PlatformResponse {
  const disposition = `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'content-disposition': disposition },
    body: content,
  };
}

/** The official SDK sends a Buffer without a file name. The parser would read it as text. */
const NAMELESS_FILE =
  /(Content-Disposition: form-data; name="[^"]*")(\r\nContent-Type: application\/octet-stream\r\n)/g;

/** @throws {PlatformError} if the body is not valid */
async function readForm({ headers, body }: PlatformRequest): Promise<ApiRequest['form']> {
  const withNames = Buffer.from(body.toString('latin1').replace(NAMELESS_FILE, '$1; filename="file"$2'), 'latin1');
  const response = new Response(new Uint8Array(withNames), {
    headers: { 'content-type': String(headers['content-type']) },
  });
  const form = await response.formData().catch(() => {
    throw new PlatformError(234001, 'Invalid request param: the form is not valid.');
  });
  const fields = new Map<string, string | Resource>();
  for (const [name, value] of form) {
    const field =
      typeof value === 'string' ? value : { name: value.name, content: Buffer.from(await value.arrayBuffer()) };
    fields.set(name, field);
  }
  return fields;
}
