import { FeishuError } from './feishu/errors.ts';
import type { WebhookSecrets } from './feishu/request.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `FEISHU_ENCRYPT_KEY` and `FEISHU_VERIFICATION_TOKEN`. Each takes several values, separated by commas, for the
 * time of a rotation.
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` when neither is set: nothing could then tell a forged event
 */
export function readWebhookSecrets(environment: Environment): WebhookSecrets {
  const encryptKeys = readList(environment.FEISHU_ENCRYPT_KEY);
  const verificationTokens = readList(environment.FEISHU_VERIFICATION_TOKEN);
  if (encryptKeys.length === 0 && verificationTokens.length === 0) {
    throw misconfigured(
      'Neither FEISHU_ENCRYPT_KEY nor FEISHU_VERIFICATION_TOKEN is set, so that no event can be told from a forged one. ' +
        'Copy at least one from the developer console: Events & Callbacks, Encryption Strategy.',
    );
  }
  return { encryptKeys, verificationTokens };
}

/** @throws {FeishuError} `FEISHU_MISCONFIGURED` when the variable is not set */
export function readRequired(environment: Environment, name: 'QUEUE_URL' | 'CLAIMS_TABLE'): string {
  const value = environment[name];
  if (value === undefined || value === '') throw misconfigured(`${name} is not set. The deployment sets it.`);
  return value;
}

/** The credentials of the app, for calls to the platform's API. */
export interface AppCredentials {
  appId: string;
  appSecret: string;
  /** `https://open.feishu.cn`, or of Lark `https://open.larksuite.com` */
  domain: string;
}

/** @throws {FeishuError} `FEISHU_MISCONFIGURED` when the id or the secret is not set */
export function readAppCredentials(environment: Environment): AppCredentials {
  const { FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret, FEISHU_DOMAIN: domain } = environment;
  if (!appId || !appSecret) {
    throw misconfigured(
      `${appId ? 'FEISHU_APP_SECRET' : 'FEISHU_APP_ID'} is not set. ` +
        'Copy it from the developer console (Credentials & Basic Info) to call the platform.',
    );
  }
  return { appId, appSecret, domain: domain || 'https://open.feishu.cn' };
}

/**
 * Tells by `FEISHU_APP_TYPE`, `self` unless set, whether the app is one of the app store: in the SDKs "ISV".
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` when it is neither `self` nor `store`
 */
export function isStoreApp({ FEISHU_APP_TYPE: appType }: Environment): boolean {
  if (!appType || appType === 'self') return false;
  if (appType === 'store') return true;
  throw misconfigured(`FEISHU_APP_TYPE is "${appType}", but must be self or store.`);
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
