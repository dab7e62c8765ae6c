import { FeishuError } from './feishu/errors.ts';
import type { WebhookSecrets } from './feishu/request.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `FEISHU_ENCRYPT_KEY` and `FEISHU_VERIFICATION_TOKEN`. During a rotation, each holds several values separated by
 * commas.
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` if neither is set: forged events could then not be detected
 */
export function readWebhookSecrets(environment: Environment): WebhookSecrets {
  const encryptKeys = readList(environment.FEISHU_ENCRYPT_KEY);
  const verificationTokens = readList(environment.FEISHU_VERIFICATION_TOKEN);
  if (encryptKeys.length === 0 && verificationTokens.length === 0) {
    throw misconfigured(
      'Neither FEISHU_ENCRYPT_KEY nor FEISHU_VERIFICATION_TOKEN is set, so forged events cannot be detected. ' +
        'Copy at least one from the developer console: Events & Callbacks, Encryption Strategy.',
    );
  }
  return { encryptKeys, verificationTokens };
}

/** @throws {FeishuError} `FEISHU_MISCONFIGURED` if the variable is not set */
export function readRequired(
  environment: Environment,
  name: 'QUEUE_URL' | 'DEAD_LETTER_QUEUE_URL' | 'CLAIMS_TABLE' | 'LARGE_EVENTS_BUCKET',
): string {
  const value = environment[name];
  if (value === undefined || value === '') throw misconfigured(`${name} is not set. The deployment sets it.`);
  return value;
}

/** Returns whether the deployment parameter `ordering` is `topic`: a topic within a chat is then ordered by itself. */
export function splitsTopics({ QUEUE_ORDERING: ordering }: Environment): boolean {
  return ordering === 'topic';
}

/** The settings of an AWS client that are not left to the SDK. */
interface ClientSettings {
  endpoint?: string;
  region?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

/**
 * Reads the settings of the template's own AWS clients. Deployed functions have none: the SDK reads Lambda's variables.
 * The local stack passes the emulators' settings in this variable, so that the `AWS_…` variables stay the user's.
 */
export function readClientSettings(environment: Environment, service: 'sqs' | 'dynamodb' | 's3'): ClientSettings {
  const { FEISHU_EVENTS_EMULATORS: emulators } = environment;
  return emulators === undefined ? {} : JSON.parse(emulators)[service];
}

/** The app's credentials for the platform's API. */
export interface AppCredentials {
  appId: string;
  appSecret: string;
  /** `https://open.feishu.cn`, or for Lark `https://open.larksuite.com` */
  domain: string;
}

/** @throws {FeishuError} `FEISHU_MISCONFIGURED` if the id or the secret is not set */
export function readAppCredentials(environment: Environment): AppCredentials {
  const { FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret } = environment;
  if (!appId || !appSecret) {
    throw misconfigured(
      `${appId ? 'FEISHU_APP_SECRET' : 'FEISHU_APP_ID'} is not set. ` +
        'Copy it from the developer console: Credentials & Basic Info.',
    );
  }
  return { appId, appSecret, domain: readDomain(environment) };
}

/** Reads the address of the platform from `FEISHU_DOMAIN`. */
export function readDomain({ FEISHU_DOMAIN: domain }: Environment): string {
  return domain || 'https://open.feishu.cn';
}

/**
 * Reads from `FEISHU_APP_TYPE` (default: `self`) whether the app is a store app, which the SDKs call "ISV".
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` if it is neither `self` nor `store`
 */
export function isStoreApp({ FEISHU_APP_TYPE: appType }: Environment): boolean {
  if (!appType || appType === 'self') return false;
  if (appType === 'store') return true;
  throw misconfigured(`FEISHU_APP_TYPE is "${appType}", but must be self or store.`);
}

/**
 * Reads from `LIMIT_CALL_RATE` (default: `false`) whether the workers keep the calls of the `feishu` client below the
 * platform's rate limits.
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` if it is neither `true` nor `false`
 */
export function limitsCallRate({ LIMIT_CALL_RATE: value }: Environment): boolean {
  if (!value || value === 'false') return false;
  if (value === 'true') return true;
  throw misconfigured(`LIMIT_CALL_RATE is "${value}", but must be true or false.`);
}

function readList(value = ''): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function misconfigured(message: string): FeishuError {
  return new FeishuError('FEISHU_MISCONFIGURED', message);
}
