import { randomBytes } from 'node:crypto';
import { LOCAL_SECRET_PREFIX } from '../cli/environment.ts';
import { type Environment, readWebhookSecrets } from '../config.ts';
import type { WebhookSecrets } from '../feishu/request.ts';

/** An Encrypt Key and a Verification Token. One of them is missing if the app does not use it. */
export interface Keys {
  encryptKey: string | undefined;
  verificationToken: string | undefined;
}

/** Next to the keys, how far their change is. Absent if they were never changed by a command. */
export const PROGRESS_VARIABLE = 'FEISHU_KEY_ROTATION';

/**
 * - `sending`: the first keys were generated; the platform may not have them yet.
 * - `in-review`: they are in a version that waits for an administrator.
 * - `accepting-previous`: the platform uses them since this time, in milliseconds since 1970. The webhook still accepts
 *   the previous ones.
 */
export type KeyProgress =
  | { step: 'none' }
  | { step: 'sending' }
  | { step: 'in-review'; version: string }
  | { step: 'accepting-previous'; since: number };

const IN_REVIEW = 'in-review:';
const DONE = 'done';

export function readProgress({ [PROGRESS_VARIABLE]: text }: Environment): KeyProgress {
  if (!text || text === DONE) return { step: 'none' };
  if (text.startsWith(IN_REVIEW)) return { step: 'in-review', version: text.slice(IN_REVIEW.length) };
  const since = Date.parse(text);
  // To send the keys again changes nothing.
  return Number.isNaN(since) ? { step: 'sending' } : { step: 'accepting-previous', since };
}

export function writeProgress(progress: KeyProgress): Record<typeof PROGRESS_VARIABLE, string> {
  switch (progress.step) {
    case 'none':
      return { [PROGRESS_VARIABLE]: DONE };
    case 'sending':
      return { [PROGRESS_VARIABLE]: 'sending' };
    case 'in-review':
      return { [PROGRESS_VARIABLE]: IN_REVIEW + progress.version };
    case 'accepting-previous':
      return { [PROGRESS_VARIABLE]: new Date(progress.since).toISOString() };
  }
}

/** Reads the keys, newest first. Leaves out the random ones of `npm start`, which no app has. */
export function readKeys(values: Environment): WebhookSecrets {
  if (!values.FEISHU_ENCRYPT_KEY && !values.FEISHU_VERIFICATION_TOKEN)
    return { encryptKeys: [], verificationTokens: [] };
  const { encryptKeys, verificationTokens } = readWebhookSecrets(values);
  const withoutLocal = (keys: readonly string[]) => keys.filter((key) => !key.startsWith(LOCAL_SECRET_PREFIX));
  return { encryptKeys: withoutLocal(encryptKeys), verificationTokens: withoutLocal(verificationTokens) };
}

export function writeKeys({ encryptKeys, verificationTokens }: WebhookSecrets): Record<string, string> {
  return {
    ...(encryptKeys.length > 0 && { FEISHU_ENCRYPT_KEY: encryptKeys.join(',') }),
    ...(verificationTokens.length > 0 && { FEISHU_VERIFICATION_TOKEN: verificationTokens.join(',') }),
  };
}

export function newestOf({ encryptKeys, verificationTokens }: WebhookSecrets): Keys {
  return { encryptKey: encryptKeys[0], verificationToken: verificationTokens[0] };
}

/** Returns pairs that contain each key at least once, newest first. */
export function pairsOf({ encryptKeys, verificationTokens }: WebhookSecrets): Keys[] {
  const count = Math.max(encryptKeys.length, verificationTokens.length);
  return Array.from({ length: count }, (_, index) => ({
    encryptKey: encryptKeys[index] ?? encryptKeys.at(-1),
    verificationToken: verificationTokens[index] ?? verificationTokens.at(-1),
  }));
}

/**
 * Adds new keys before the present ones, each only if the app uses it: with its first Encrypt Key, the webhook rejects
 * the plain events that the platform still sends. An app without keys gets both.
 *
 * @param reported those that the platform uses, if it says so
 */
export function addNewKeys(present: WebhookSecrets, reported: Partial<Keys> = {}): WebhookSecrets {
  const isNew = present.encryptKeys.length + present.verificationTokens.length === 0;
  const add = (keys: readonly string[], current = '') =>
    keys.length === 0 && !isNew ? [] : [...new Set([newKey(), ...keys, current])].filter((key) => key !== '');
  return {
    encryptKeys: add(present.encryptKeys, reported.encryptKey),
    verificationTokens: add(present.verificationTokens, reported.verificationToken),
  };
}

/** Creates the values for a webhook that has no keys yet. The next `app apply` sends them to the platform. */
export function createKeys(): Record<string, string> {
  return {
    ...writeKeys(addNewKeys({ encryptKeys: [], verificationTokens: [] })),
    ...writeProgress({ step: 'sending' }),
  };
}

/** 32 characters, the most that the platform accepts, with 128 random bits. */
function newKey(): string {
  return randomBytes(16).toString('hex');
}
