import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * A response to a poll. `lost`: the connection breaks. `silent`: no response. `lark`: the user belongs to Lark, whose host
 * has the credentials. `overloaded`: an empty 502.
 */
export type PollResult =
  | 'pending'
  | 'slow-down'
  | 'denied'
  | 'expired'
  | 'unknown-refusal'
  | 'lost'
  | 'overloaded'
  | 'page'
  | 'silent'
  | 'lark'
  | 'confirmed';

interface RegistrationRequest {
  action: string;
  deviceCode: string | undefined;
}

const REFUSALS = {
  pending: 'authorization_pending',
  'slow-down': 'slow_down',
  denied: 'access_denied',
  expired: 'expired_token',
  'unknown-refusal': 'invalid_grant',
} as const;

/** A mock of the host that registers apps, after the official SDK's source. */
export class MockAccounts implements AsyncDisposable {
  readonly deviceCode = 'device-code';
  appId = 'cli_a1b2c3';
  readonly appSecret = 'registered-app-secret';
  readonly requests: RegistrationRequest[] = [];
  /** The results of the next polls. The last one repeats. */
  polls: PollResult[] = ['confirmed'];
  /** What `begin` returns in addition to the code and the link, or instead of them if it is a number: a status. */
  beginning: object | number = { interval: 5, expires_in: 600 };
  readonly #server;
  readonly #scheme: string;
  readonly #brand: string;

  private constructor(brand: string, credentials: { key: string; cert: string } | undefined) {
    this.#brand = brand;
    this.#scheme = credentials === undefined ? 'http' : 'https';
    const respond = (request: IncomingMessage, response: ServerResponse) => void this.#respond(request, response);
    this.#server = credentials === undefined ? createServer(respond) : createSecureServer(credentials, respond);
  }

  /** @param credentials of a server with TLS, which the official SDK requires */
  static async start(brand = 'feishu', credentials?: { key: string; cert: string }): Promise<MockAccounts> {
    const accounts = new MockAccounts(brand, credentials);
    await once(accounts.#server.listen(0, '127.0.0.1'), 'listening');
    return accounts;
  }

  /** `host:port` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get origin(): string {
    return `${this.#scheme}://${this.host}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const deviceCode = form.get('device_code') ?? undefined;
    this.requests.push({ action: form.get('action') ?? '', deviceCode });
    const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
    if (request.url !== '/oauth/v1/app/registration' || request.method !== 'POST' || !isForm) {
      return void response.writeHead(404).end();
    }
    const send = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (form.get('action') === 'begin') {
      const isComplete =
        form.get('archetype') === 'PersonalAgent' &&
        form.get('auth_method') === 'client_secret' &&
        form.get('request_user_info') === 'open_id';
      if (!isComplete) return void send(400, { error: 'invalid_request', error_description: 'Missing parameter' });
      if (typeof this.beginning === 'number') return void response.writeHead(this.beginning).end();
      const link = `${this.origin.replace('http:', 'https:')}/page/registration?user_code=ABCD-EFGH`;
      return void send(200, {
        device_code: this.deviceCode,
        verification_uri_complete: link,
        ...this.beginning,
      });
    }
    if (deviceCode !== this.deviceCode) return void send(400, { error: 'invalid_grant' });
    const result = this.polls.length > 1 ? this.polls.shift() : this.polls[0];
    switch (result) {
      case 'silent':
        return;
      case 'lost':
        return void request.socket.destroy();
      case 'overloaded':
        return void response.writeHead(502).end();
      case 'page':
        return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in to the hotel</html>');
      case 'lark':
        return void send(200, { user_info: { open_id: 'ou_1', tenant_brand: 'lark' } });
      case 'confirmed':
        return void send(200, {
          client_id: this.appId,
          client_secret: this.appSecret,
          user_info: { open_id: 'ou_1', tenant_brand: this.#brand },
        });
      default:
        send(400, { error: REFUSALS[result ?? 'pending'], error_description: `This is ${result}` });
    }
  }
}
