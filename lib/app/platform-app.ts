import type { Client } from '@larksuiteoapi/node-sdk';
import { routeSdkRequests } from '../api-client/sdk-routes.ts';
import type { AppCredentials } from '../config.ts';
import type { ScopeChoice } from './known-scopes.ts';
import { PlatformError } from './platform-errors.ts';

type HttpInstance = typeof import('@larksuiteoapi/node-sdk').defaultHttpInstance;

const REQUEST_WITHIN_MILLISECONDS = 15_000;

/**
 * Each of them permits an app to read its configuration.
 *
 * @see https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/reference/application-v6/application/get
 */
export const CONFIGURATION_SCOPES: ScopeChoice = ['application:application:self_manage', 'admin:app.info:readonly'];

/** A change of the configuration. What it does not contain stays. */
export type ConfigurationPatch = NonNullable<
  NonNullable<Parameters<Client['application']['v7']['applicationConfig']['patch']>[0]>['data']
>;

/** How the platform delivers events or callbacks. */
export interface Delivery {
  /** `webhook` or `websocket`; `undefined` if the platform does not say. */
  mode: string | undefined;
  requestUrl: string | undefined;
  /** The subscribed types; `undefined` if the platform does not say. */
  types: readonly string[] | undefined;
}

/** An app's configuration as the platform reports it. */
export interface AppConfiguration {
  events: Delivery;
  callbacks: Delivery;
  /** `undefined` if the platform does not say. */
  encryption: { encryptKey: string; verificationToken: string } | undefined;
  /** The version that is in use. */
  publishedVersion: string | undefined;
  /** The version that waits for an administrator. */
  versionInReview: string | undefined;
}

/** An app on the platform, read through the official SDK's client. All methods throw {@link PlatformError}. */
export class PlatformApp {
  readonly #client: Client;
  readonly #appId: string;

  private constructor(client: Client, appId: string) {
    this.#client = client;
    this.#appId = appId;
  }

  /** Loads the SDK, which takes a moment. */
  static async create({ appId, appSecret, domain }: AppCredentials): Promise<PlatformApp> {
    const sdk = await import('@larksuiteoapi/node-sdk');
    routeSdkRequests(sdk.defaultHttpInstance);
    limitTime(sdk.defaultHttpInstance);
    const ignore = () => {};
    // The SDK would log whole requests, with the app secret.
    const logger = { error: ignore, warn: ignore, info: ignore, debug: ignore, trace: ignore };
    return new PlatformApp(new sdk.Client({ appId, appSecret, domain, logger }), appId);
  }

  /** Reads the app's own scopes, not those of its users, by whether they are granted. Needs no scope. */
  async readScopes(): Promise<{ granted: string[]; waiting: string[] }> {
    const { data } = await call(this.#client.application.v6.scope.list());
    const namesOf = (status: number) =>
      (data?.scopes ?? [])
        .filter((scope) => scope.grant_status === status && scope.scope_type !== 'user')
        .map((scope) => scope.scope_name);
    return { granted: namesOf(1), waiting: namesOf(2) };
  }

  /**
   * Reads the configuration. Needs the scope `application:application:self_manage`. The events and callbacks are in the
   * SDK's types, but not in the documents: if they are absent, the events are those of the published version.
   */
  async readConfiguration(): Promise<AppConfiguration> {
    const params = { lang: 'zh_cn' } as const;
    const application = this.#client.application.v6;
    const { data } = await call(application.application.get({ params, path: { app_id: this.#appId } }));
    const app = data?.app;
    const event = app?.event;
    const callback = app?.callback ?? app?.callback_info;
    const publishedVersion = app?.online_version_id || undefined;
    return {
      events: {
        mode: event?.subscription_type || undefined,
        requestUrl: event?.request_url || undefined,
        types: event?.subscribed_events ?? (await this.#readPublishedEvents(publishedVersion)),
      },
      callbacks: {
        mode: callback?.callback_type || undefined,
        requestUrl: callback?.request_url || undefined,
        types: callback?.subscribed_callbacks,
      },
      encryption: app?.encryption && {
        encryptKey: app.encryption.encryption_key ?? '',
        verificationToken: app.encryption.verification_token ?? '',
      },
      publishedVersion,
      versionInReview: app?.unaudit_version_id || undefined,
    };
  }

  async #readPublishedEvents(version: string | undefined): Promise<string[] | undefined> {
    if (version === undefined) return undefined;
    const path = { app_id: this.#appId, version_id: version };
    const { data } = await call(
      this.#client.application.v6.applicationAppVersion.get({ params: { lang: 'zh_cn' }, path }),
    );
    return data?.app_version?.event_infos?.map(({ event_type: type = '' }) => type);
  }

  /** Counts the open long connections. Needs no scope. */
  async countConnections(): Promise<number> {
    const { data } = await call(this.#client.event.v1.connection.get());
    return data?.online_instance_cnt ?? 0;
  }

  /** Changes the configuration. Needs the scope `application:application:patch`. */
  async configure(data: ConfigurationPatch): Promise<void> {
    await call(this.#client.application.v7.applicationConfig.patch({ data, path: { app_id: this.#appId } }));
  }

  /** Adds the Bot feature. Needs the scope `application:application:patch`. */
  async enableBot(): Promise<void> {
    const data = { bot: { enable: true } };
    await call(this.#client.application.v7.applicationAbility.patch({ data, path: { app_id: this.#appId } }));
  }

  /**
   * Submits the configuration as a new version. Needs the scope `application:application:patch`.
   *
   * @param changelog up to 500 characters
   */
  async publish(changelog: string): Promise<void> {
    const abilities = { mobile_default_ability: 'bot', pc_default_ability: 'bot' } as const;
    const data = { ...abilities, remark: 'feishu-events', changelog };
    await call(this.#client.application.v7.applicationPublish.create({ data, path: { app_id: this.#appId } }));
  }

  /** Returns the bot's name, if the app has the Bot feature. */
  async readBotName(): Promise<string | undefined> {
    const { bot } = await call(
      this.#client.request<{ code?: number; bot?: { app_name?: string } }>({
        url: '/open-apis/bot/v3/info',
        method: 'GET',
      }),
    );
    return bot?.app_name;
  }
}

const limited = new WeakSet<HttpInstance>();

/** The SDK's own requests have no time limit. */
function limitTime(http: HttpInstance): void {
  if (limited.has(http)) return;
  limited.add(http);
  http.interceptors.request.use((request) => ({ ...request, timeout: request.timeout || REQUEST_WITHIN_MILLISECONDS }));
}

/** @throws {PlatformError} for failed requests, and for responses with an error code, which the SDK returns */
async function call<Response extends { code?: number | undefined }>(response: Promise<Response>): Promise<Response> {
  const result = await response.catch((error) => {
    throw new PlatformError(error);
  });
  if (result.code !== undefined && result.code !== 0) throw new PlatformError(result);
  return result;
}
