import type { Socket } from 'node:net';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { CardKit, type CardKitResponse, type CardState } from '../../lib/mock-platform/card-kit.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';

/** A request to the mock platform. */
export interface PlatformRequest {
  /** For example `PUT /open-apis/cardkit/v1/cards/:id/elements/text/content`. */
  name: string;
  body: Record<string, string>;
  /** The program that sent it, see {@link StreamingPlatform.environmentOf}. */
  sender: string;
}

interface SentMessage {
  id: string;
  type: string;
  content: string;
  edits: number;
}

const NEVER = new Promise<never>(() => {});

const MESSAGES = '/open-apis/im/v1/messages';
const MAXIMUM_EDITS = 20;

/** A mock of the platform's API for replies and cards, on loopback. The official SDK's client uses it unchanged. */
export class StreamingPlatform implements AsyncDisposable {
  /** The clock of the cards, in milliseconds since the epoch. */
  now = Date.now();
  readonly cards = new CardKit(() => this.now);
  readonly requests: PlatformRequest[] = [];
  readonly messages: SentMessage[] = [];
  /** Runs before a request takes effect. A response replaces the platform's. */
  before: (request: PlatformRequest) => Promise<CardKitResponse | undefined> | CardKitResponse | undefined = () =>
    undefined;
  /** Runs after a request took effect, and before its response. */
  after: (request: PlatformRequest) => Promise<void> | void = () => {};
  /** Milliseconds that pass with each request. */
  millisecondsPerRequest = 400;
  /** The programs that were killed, and get no responses. */
  readonly killed = new Set<string>();
  readonly #sockets = new Set<Socket>();
  readonly #messageIds = new Map<string, string>();
  readonly #sentCards: string[] = [];
  #server: HttpServer | undefined;

  static async start(): Promise<StreamingPlatform> {
    const platform = new StreamingPlatform();
    platform.#server = await startHttpServer('127.0.0.1', 0, async (message, body) => {
      const { method = '', socket } = message;
      platform.#sockets.add(socket);
      const [, sender = '', url = ''] = /^(?:\/sender-(\w+))?(.*)$/.exec(message.url ?? '') ?? [];
      if (platform.killed.has(sender)) return NEVER;
      if (url.includes('/auth/')) {
        return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: 't-1', expire: 7200 });
      }
      platform.now += platform.millisecondsPerRequest;
      const fields = body.length === 0 ? {} : JSON.parse(body.toString());
      const request = { name: `${method} ${url.replace(/(cards|messages)\/[^/]+/, '$1/:id')}`, body: fields, sender };
      platform.requests.push(request);
      const rejection = await platform.before(request);
      if (platform.killed.has(sender)) return NEVER;
      const response = rejection ?? platform.#respond(method, url, fields);
      try {
        await platform.after(request);
      } catch {
        // The response is lost.
        socket.destroy();
        return NEVER;
      }
      return platform.killed.has(sender) ? NEVER : jsonResponse(response.status, response.body);
    });
    return platform;
  }

  get environment(): Record<string, string> {
    return { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret', FEISHU_DOMAIN: this.#server?.origin ?? '' };
  }

  /** Returns the environment variables of one program, so that it can be killed. */
  environmentOf(sender: string): Record<string, string> {
    return { ...this.environment, FEISHU_DOMAIN: `${this.#server?.origin}/sender-${sender}` };
  }

  /** The names of the requests, without the common start. */
  get calls(): string[] {
    return this.requests.map(({ name }) => name.replace(/\/open-apis\/(cardkit|im)\/v1\//, ''));
  }

  /** What a user sees of each message. */
  get shown(): { text: string; isStreaming: boolean; summary: string | undefined }[] {
    return this.messages.map(({ type, content }) => {
      const json = JSON.parse(content);
      if (type === 'text') return { text: json.text, isStreaming: false, summary: undefined };
      if (type === 'post') return { text: json.zh_cn.content[0][0].text, isStreaming: false, summary: undefined };
      const card = this.cards.card(json.data.card_id);
      const { body } = (card as CardState).json as { body: { elements: { content: string }[] } };
      const text = body.elements.map((element) => element.content).join('\n\n');
      return { text, isStreaming: card?.isStreaming ?? false, summary: card?.summary };
    });
  }

  /** The cards that were not sent are not visible. */
  get sentCards(): readonly string[] {
    return this.#sentCards;
  }

  /** As an hour after the messages were sent: a repeated `uuid` sends another message. */
  forgetIds(): void {
    this.#messageIds.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#server?.stop();
  }

  #respond(method: string, url: string, body: Record<string, string>): CardKitResponse {
    const cardKit = this.cards.handle(method, url, body);
    if (cardKit !== undefined) return cardKit;
    const [, id = ''] = new RegExp(`^${MESSAGES}/([^/]+)`).exec(url) ?? [];
    if (method === 'POST') return this.#reply(body);
    const message = this.messages.find((one) => one.id === id);
    if (message === undefined) return { status: 400, body: { code: 230001, msg: 'invalid message' } };
    if (method === 'DELETE') this.messages.splice(this.messages.indexOf(message), 1);
    if (method !== 'PUT') return success({});
    if (message.edits === MAXIMUM_EDITS) return { status: 400, body: { code: 230072, msg: 'edited too often' } };
    message.edits += 1;
    message.content = body.content ?? '';
    return success({});
  }

  #reply({ uuid = '', msg_type: type = '', content = '' }: Record<string, string>): CardKitResponse {
    const known = this.#messageIds.get(uuid);
    if (known !== undefined) return success({ message_id: known });
    if (type === 'interactive') {
      const cardId = JSON.parse(content).data.card_id;
      const rejection = this.cards.send(cardId);
      if (rejection !== undefined) return rejection;
      this.#sentCards.push(cardId);
    }
    const id = `om_${this.messages.length + 1}`;
    this.messages.push({ id, type, content, edits: 0 });
    this.#messageIds.set(uuid, id);
    return success({ message_id: id });
  }
}

function success(data: object): CardKitResponse {
  return { status: 200, body: { code: 0, msg: 'success', data } };
}
