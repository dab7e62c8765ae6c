import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Call {
  method: string;
  path: string;
  body: string;
}

/** A mock of the platform's API, on loopback. It accepts every message and card. */
export class Platform implements AsyncDisposable {
  /** The calls except those for tokens, in order. */
  readonly calls: Call[] = [];
  /** Responses by method and path. A buffer is a download. Others get an empty `data`. */
  readonly responses = new Map<string, object | Buffer>();
  readonly #server = createServer({ keepAliveTimeout: 0 }, (request, response) => this.#handle(request, response));

  /** Starts the server, and returns the variables of an app. */
  async start(): Promise<Record<string, string>> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    return {
      FEISHU_APP_ID: 'cli_test',
      FEISHU_APP_SECRET: 'secret-of-the-app',
      FEISHU_DOMAIN: `http://127.0.0.1:${port}`,
    };
  }

  find(method: string, path: RegExp): Call[] {
    return this.calls.filter((call) => call.method === method && path.test(call.path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await this.#server[Symbol.asyncDispose]();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const { pathname: path } = new URL(url, 'http://localhost');
    const body = await text(request);
    if (path.startsWith('/open-apis/auth/')) {
      return respond(response, { code: 0, msg: 'ok', tenant_access_token: 'local', expire: 7200 });
    }
    this.calls.push({ method, path, body });
    const result = this.responses.get(`${method} ${path}`);
    if (result instanceof Buffer) response.end(result);
    else respond(response, result ?? { code: 0, msg: 'success', data: { message_id: 'om_sent', card_id: 'card' } });
  }
}

function respond(response: ServerResponse, result: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
}
