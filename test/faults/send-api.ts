import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { createAcceptingPlatform } from '../support/accepting-platform.ts';

const UUID_KEPT_MILLISECONDS = 60 * 60 * 1000;

/** A mock of Feishu's send API: ignores a call whose `uuid` it has received within the hour. */
export class SendApi {
  /** The id of the message that each visible reply belongs to, in the order of sending. */
  readonly visible: string[] = [];
  /** Number of calls ignored because of their `uuid`. */
  repeated = 0;
  /** Called before and after a call takes effect. If it throws, the call fails. */
  onCall: (messageId: string, moment: 'before' | 'after') => void = () => {};
  readonly #sentAt = new Map<string, number>();
  #server: HttpServer | undefined;

  static async start(): Promise<SendApi> {
    const api = new SendApi();
    api.#server = await startHttpServer(
      '127.0.0.1',
      0,
      createAcceptingPlatform(({ path, body }) => api.#reply(path, JSON.parse(body))),
    );
    return api;
  }

  /** The value of `FEISHU_DOMAIN` for handlers. */
  get domain(): string {
    return (this.#server as HttpServer).origin;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  #reply(path: string, { uuid }: { uuid?: string }): void {
    const messageId = /\/messages\/([^/]+)\/reply$/.exec(path)?.[1] ?? '';
    this.onCall(messageId, 'before');
    if (uuid === undefined || Date.now() - (this.#sentAt.get(uuid) ?? 0) > UUID_KEPT_MILLISECONDS) {
      this.visible.push(messageId);
      if (uuid !== undefined) this.#sentAt.set(uuid, Date.now());
    } else this.repeated++;
    this.onCall(messageId, 'after');
  }
}
