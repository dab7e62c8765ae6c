import { randomUUID } from 'node:crypto';
import { exchange } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { type HttpResponse, jsonResponse } from '../../lib/webhook/http.ts';

interface ConfigurationPatch {
  scope?: { add_scopes?: { scope_name: string }[]; remove_scopes?: { scope_name: string }[] };
  event?: { subscription_type: string; request_url?: string; add_events?: string[]; remove_events?: string[] };
  callback?: { callback_type: string; request_url?: string; add_callbacks?: string[]; remove_callbacks?: string[] };
  event_and_callback_encrypt_strategy?: MockKeys;
}

interface MockKeys {
  encryption_key?: string;
  verification_token?: string;
}

/** A mock of the APIs that read and change an app's configuration, after the official SDK's types and the platform's documents. */
export class MockAppConfiguration implements AsyncDisposable {
  // The SDK caches tokens by the app's id.
  appId = `cli_${randomUUID().slice(0, 8)}`;
  appSecret = 'registered-app-secret';
  readonly requests: string[] = [];
  granted: string[] = [];
  waiting: string[] = [];
  /** The `app` of the v6 API. An error, if it is a number: the code. */
  app: Record<string, unknown> | number = {};
  /** The events of the published version. */
  publishedEvents: string[] = [];
  connections = 0;
  hasBot = true;
  /** The error codes with which changes are rejected, by the last part of the path: `config`, `ability`, `publish`. */
  readonly refusals = new Map<string, number>();
  /** A published version waits for an administrator. */
  hasReview = false;
  /** Scopes of the app's users. */
  userScopes: string[] = [];
  /** The keys with which events are sent: those of the published version. */
  keys: MockKeys = {};
  /** Whether the app's keys can be read. */
  reportsKeys = true;
  /** Whether a new request URL is verified, with the published keys. */
  verifiesUrls = false;
  #changedKeys: MockKeys | undefined;
  #versions = 1;
  #server: HttpServer | undefined;

  static async start(): Promise<MockAppConfiguration> {
    const mock = new MockAppConfiguration();
    mock.#server = await startHttpServer('127.0.0.1', 0, ({ method, url = '', headers }, body) => {
      mock.requests.push(`${method} ${url}`);
      return mock.#respond(new URL(url, 'http://mock'), headers.authorization, body.toString());
    });
    return mock;
  }

  get origin(): string {
    return this.#server?.origin ?? '';
  }

  get credentials() {
    return { appId: this.appId, appSecret: this.appSecret, domain: this.origin };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
  }

  /** An administrator approves the version in review. */
  approve(): void {
    const app = this.app as Record<string, unknown>;
    app.online_version_id = app.unaudit_version_id;
    delete app.unaudit_version_id;
    this.#usePublished();
  }

  /** Sends a request as the platform would at present, and returns the status of the response. */
  async send(url: string, body: object, { isSigned = true, keys = this.keys } = {}): Promise<number> {
    const { encryption_key: encryptKey, verification_token: token } = keys;
    const text = JSON.stringify(
      'header' in body ? { ...body, header: { ...(body.header as object), token } } : { ...body, token },
    );
    const { headers, body: sent } = writeRequest(
      text,
      encryptKey === undefined ? undefined : { encryptKey },
      Date.now(),
    );
    const contentType = { 'content-type': headers['content-type'] };
    const { status } = await exchange(url, { headers: isSigned ? headers : contentType, body: sent });
    return status;
  }

  async #respond(
    { pathname, searchParams }: URL,
    authorization: string | undefined,
    body: string,
  ): Promise<HttpResponse> {
    const succeed = (data: object) => jsonResponse(200, { code: 0, msg: 'success', data });
    if (pathname === '/open-apis/auth/v3/tenant_access_token/internal') {
      const { app_id: id, app_secret: secret } = JSON.parse(body);
      if (id !== this.appId) return jsonResponse(200, { code: 10003, msg: 'invalid param' });
      if (secret !== this.appSecret) return jsonResponse(200, { code: 10014, msg: 'app secret invalid' });
      return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: `t-${this.appId}`, expire: 7200 });
    }
    if (authorization !== `Bearer t-${this.appId}`) return jsonResponse(400, { code: 99991663, msg: 'Invalid token' });
    switch (pathname) {
      case '/open-apis/application/v6/scopes': {
        const list = (names: string[], status: number) =>
          names.map((name) => ({ scope_name: name, grant_status: status, scope_type: 'tenant' }));
        const users = list(this.userScopes, 1).map((scope) => ({ ...scope, scope_type: 'user' }));
        return succeed({ scopes: [...list(this.granted, 1), ...list(this.waiting, 2), ...users] });
      }
      case '/open-apis/event/v1/connection':
        return succeed({ online_instance_cnt: this.connections });
      case '/open-apis/bot/v3/info':
        if (!this.hasBot) return jsonResponse(200, { code: 11205, msg: 'app do not have bot' });
        return jsonResponse(200, { code: 0, msg: 'ok', bot: { app_name: 'Echo', open_id: 'ou_bot' } });
      case `/open-apis/application/v6/applications/${this.appId}`:
        if (!searchParams.has('lang')) return jsonResponse(400, { code: 99992402, msg: 'field validation failed' });
        if (typeof this.app === 'number') return this.#refuse(this.app);
        return succeed({
          app: { app_id: this.appId, ...this.app, ...(!this.reportsKeys && { encryption: undefined }) },
        });
      case `/open-apis/application/v6/applications/${this.appId}/app_versions/oav_${this.#versions}`:
        return succeed({ app_version: { event_infos: this.publishedEvents.map((type) => ({ event_type: type })) } });
      case `/open-apis/application/v7/applications/${this.appId}/config`:
      case `/open-apis/application/v7/applications/${this.appId}/ability`:
      case `/open-apis/application/v7/applications/${this.appId}/publish`:
        return (await this.#change(pathname.split('/').at(-1) ?? '', JSON.parse(body))) ?? succeed({});
      default:
        return jsonResponse(404, { code: 404, msg: `No mock of ${pathname}` });
    }
  }

  /** @returns the refusal, if there is one */
  async #change(
    kind: string,
    data: ConfigurationPatch & { bot?: { enable: boolean } },
  ): Promise<HttpResponse | undefined> {
    const code = this.refusals.get(kind);
    if (code !== undefined) return this.#refuse(code);
    if (typeof this.app === 'number') return this.#refuse(this.app);
    if (this.app.unaudit_version_id) return this.#refuse(210040);
    if (kind === 'ability') this.hasBot = data.bot?.enable === true;
    else if (kind === 'publish') this.#publish(this.app);
    else {
      const urls = [data.event?.request_url, data.callback?.request_url].filter((url) => url !== undefined);
      for (const url of this.verifiesUrls ? urls : []) {
        const verification = { type: 'url_verification', challenge: 'challenge' };
        if ((await this.send(url, verification, { isSigned: false })) !== 200) return this.#refuse(210042);
      }
      this.#configure(this.app, data);
    }
    return undefined;
  }

  #publish(app: Record<string, unknown>): void {
    this.#versions += 1;
    app[this.hasReview ? 'unaudit_version_id' : 'online_version_id'] = `oav_${this.#versions}`;
    if (!this.hasReview) this.#usePublished();
  }

  #usePublished(): void {
    this.keys = { ...this.keys, ...this.#changedKeys };
  }

  #configure(app: Record<string, unknown>, { scope, event, callback, ...data }: ConfigurationPatch): void {
    const removedScopes = scope?.remove_scopes?.map(({ scope_name: name }) => name) ?? [];
    this.granted = this.granted.filter((name) => !removedScopes.includes(name));
    this.granted.push(...(scope?.add_scopes ?? []).map(({ scope_name: name }) => name));
    const merge = (types: string[] = [], added: string[] = [], removed: string[] = []) =>
      [...types, ...added].filter((type) => !removed.includes(type));
    if (event !== undefined) {
      const { add_events: added, remove_events: removed, ...delivery } = event;
      const { subscribed_events: types } = (app.event ?? {}) as { subscribed_events?: string[] };
      app.event = { ...delivery, subscribed_events: merge(types, added, removed) };
    }
    if (callback !== undefined) {
      const { add_callbacks: added, remove_callbacks: removed, ...delivery } = callback;
      const { subscribed_callbacks: types } = (app.callback ?? {}) as { subscribed_callbacks?: string[] };
      app.callback = { ...delivery, subscribed_callbacks: merge(types, added, removed) };
    }
    const encryption = data.event_and_callback_encrypt_strategy;
    if (encryption === undefined) return;
    app.encryption = { ...(app.encryption as MockKeys), ...encryption };
    this.#changedKeys = app.encryption as MockKeys;
  }

  #refuse(code: number): HttpResponse {
    const violations = [{ type: 'action_scope_required', subject: 'application:application:self_manage' }];
    const error = code === 99991672 ? { permission_violations: violations } : {};
    return jsonResponse(400, { code, msg: 'Access denied', error });
  }
}
