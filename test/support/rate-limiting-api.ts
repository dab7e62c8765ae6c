import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { type HttpResponse, jsonResponse } from '../../lib/webhook/http.ts';

/** How many calls the API accepts. */
export interface RateLimits {
  perSecond: number;
  perMinute: number;
  /** Messages to one chat. */
  perChatAndSecond: number;
}

/** @see https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control */
export const PLATFORM_LIMITS: RateLimits = { perSecond: 50, perMinute: 1000, perChatAndSecond: 5 };

const MINUTE_MILLISECONDS = 60_000;
const SECOND_MILLISECONDS = 1000;

/** A mock of the API for replies that enforces rate limits in any second and any minute. */
export class RateLimitingApi implements AsyncDisposable {
  /** How often each message was replied to. As on the platform, a `uuid` counts once. */
  readonly replies = new Map<string, number>();
  rejected = 0;
  /** On the clock of `performance.now()`. */
  lastReplyAt = 0;
  readonly #uuids = new Set<string>();
  readonly #limits: RateLimits;
  readonly #chatOf: (messageId: string) => string;
  /** The times of the accepted calls of the last minute. */
  #accepted: { at: number; chat: string }[] = [];
  #server: HttpServer | undefined;

  private constructor(limits: RateLimits, chatOf: (messageId: string) => string) {
    this.#limits = limits;
    this.#chatOf = chatOf;
  }

  static async start(limits: RateLimits, chatOf: (messageId: string) => string): Promise<RateLimitingApi> {
    const api = new RateLimitingApi(limits, chatOf);
    api.#server = await startHttpServer('127.0.0.1', 0, ({ url = '' }, body) => {
      if (url.startsWith('/open-apis/auth/')) {
        return jsonResponse(200, { code: 0, tenant_access_token: 'token', expire: 7200 });
      }
      return api.#reply(/\/messages\/([^/]+)\/reply$/.exec(url)?.[1] ?? '', JSON.parse(body.toString()).uuid);
    });
    return api;
  }

  /** The value of `FEISHU_DOMAIN`. */
  get domain(): string {
    return (this.#server as HttpServer).origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
  }

  #reply(messageId: string, uuid: string): HttpResponse {
    const now = performance.now();
    const chat = this.#chatOf(messageId);
    this.#accepted = this.#accepted.filter(({ at }) => at > now - MINUTE_MILLISECONDS);
    const lastSecond = this.#accepted.filter(({ at }) => at > now - SECOND_MILLISECONDS);
    const { perSecond, perMinute, perChatAndSecond } = this.#limits;
    if (this.#accepted.length >= perMinute) return this.#rejectCall(MINUTE_MILLISECONDS, now);
    if (lastSecond.length >= perSecond) return this.#rejectCall(SECOND_MILLISECONDS, now);
    if (lastSecond.filter((call) => call.chat === chat).length >= perChatAndSecond) return this.#rejectMessage();
    this.#accepted.push({ at: now, chat });
    if (!this.#uuids.has(uuid)) this.replies.set(messageId, (this.replies.get(messageId) ?? 0) + 1);
    this.#uuids.add(uuid);
    this.lastReplyAt = now;
    return jsonResponse(200, { code: 0, msg: 'success', data: {} });
  }

  #rejectCall(period: number, now: number): HttpResponse {
    this.rejected += 1;
    const oldest = this.#accepted.find(({ at }) => at > now - period)?.at ?? now;
    const seconds = Math.ceil((oldest + period - now) / 1000);
    const status = [429, 400, 200][this.rejected % 3] as number;
    return jsonResponse(
      status,
      { code: 99991400, msg: 'request trigger frequency limit' },
      {
        'x-ogw-ratelimit-reset': `${seconds}`,
      },
    );
  }

  #rejectMessage(): HttpResponse {
    this.rejected += 1;
    const status = [400, 200][this.rejected % 2] as number;
    return jsonResponse(status, { code: 230020, msg: 'This operation triggers the frequency limit.' });
  }
}
