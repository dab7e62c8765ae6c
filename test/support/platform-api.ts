import { randomUUID } from 'node:crypto';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { type HttpResponse, jsonResponse } from '../../lib/webhook/http.ts';

/** A mock of the platform's API for tokens and messages, on loopback. */
export class PlatformApi implements AsyncDisposable {
  readonly appId = `cli_${randomUUID().slice(0, 8)}`;
  readonly appSecret = `secret ${randomUUID()}`;
  /** The tickets it accepts from a store app. */
  readonly validTickets = new Set<string>();
  /** The token of a self-built app. */
  tenantToken = 't-own';
  /** Revoked tokens, which the platform rejects. */
  readonly revokedTokens = new Set<string>();
  /** The HTTP status of responses that reject a token. */
  revokedStatus = 400;
  /** The path of each request, in order. */
  readonly calls: string[] = [];
  /** The accepted messages, each with the tenant whose token it was sent with. */
  readonly sent: { tenant: string; text: string }[] = [];
  /** Called when the app requests its ticket. */
  onResend: () => Promise<void> | void = () => {};
  readonly #appToken = `a-${randomUUID()}`;
  #server: HttpServer | undefined;

  static async start(): Promise<PlatformApi> {
    const platform = new PlatformApi();
    platform.#server = await startHttpServer('127.0.0.1', 0, ({ url = '', headers }, body) => {
      platform.calls.push(url);
      const isJson = headers['content-type']?.startsWith('application/json');
      return platform.#respond(url, headers.authorization, isJson ? JSON.parse(body.toString()) : {});
    });
    return platform;
  }

  /** The environment variables of a store app. */
  get environment(): Record<string, string> {
    return { FEISHU_APP_ID: this.appId, FEISHU_APP_SECRET: this.appSecret, FEISHU_DOMAIN: this.#server?.origin ?? '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
  }

  async #respond(url: string, authorization: string | undefined, body: Record<string, string>): Promise<HttpResponse> {
    const isApp = body.app_id === this.appId && body.app_secret === this.appSecret;
    switch (url) {
      case '/open-apis/auth/v3/app_ticket/resend':
        if (!isApp) return jsonResponse(200, { code: 10014, msg: 'app secret invalid' });
        await this.onResend();
        return jsonResponse(200, { code: 0, msg: 'success' });
      case '/open-apis/auth/v3/app_access_token':
        if (!isApp) return jsonResponse(200, { code: 10014, msg: 'app secret invalid' });
        if (!this.validTickets.has(body.app_ticket ?? '')) {
          return jsonResponse(200, { code: 10012, msg: 'app ticket invalid' });
        }
        return jsonResponse(200, { code: 0, msg: 'ok', app_access_token: this.#appToken, expire: 7200 });
      case '/open-apis/auth/v3/tenant_access_token':
        if (body.app_access_token !== this.#appToken)
          return jsonResponse(200, { code: 99991664, msg: 'invalid token' });
        return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: `t-${body.tenant_key}`, expire: 7200 });
      case '/open-apis/auth/v3/tenant_access_token/internal':
        if (!isApp) return jsonResponse(200, { code: 10014, msg: 'app secret invalid' });
        return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: this.tenantToken, expire: 7200 });
      default: {
        if (this.revokedTokens.has(authorization?.replace('Bearer ', '') ?? '')) {
          const msg = 'Invalid access token for authorization. Please make a test attempt with the correct token.';
          return jsonResponse(this.revokedStatus, { code: 99991663, msg });
        }
        const [, tenant] = /^Bearer t-(.+)$/.exec(authorization ?? '') ?? [];
        if (tenant === undefined) return jsonResponse(400, { code: 99991661, msg: 'Missing access token' });
        this.sent.push({ tenant, text: JSON.parse(body.content ?? '{}').text });
        return jsonResponse(200, { code: 0, msg: 'success', data: {} });
      }
    }
  }
}
