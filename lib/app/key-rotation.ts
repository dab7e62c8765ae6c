import type { Environment } from '../config.ts';
import { MAXIMUM_EVENT_AGE_SECONDS, type WebhookSecrets } from '../feishu/request.ts';
import { addNewKeys, type Keys, newestOf, pairsOf, readKeys, readProgress, writeKeys, writeProgress } from './keys.ts';
import type { AppConfiguration, PlatformApp } from './platform-app.ts';
import { acceptsKeys } from './webhook-probe.ts';

// Changes the Encrypt Key and the Verification Token on both sides without losing an event:
//
// 1. Store the new keys before the present ones, so that no later step can lose them.
// 2. Have the webhook accept both, and verify it with URL verifications.
// 3. Send the new keys to the platform, and publish a version. From some moment on, the platform uses them.
// 4. Remove the previous keys after 72 hours: the webhook rejects what was signed before that anyway.
//
// The progress is stored with the keys. A step that was interrupted is repeated, which has the same result.

/** Where the keys of a webhook are stored. */
export interface KeyStore {
  read(): Promise<Environment>;
  /** Stores values. An empty one removes the variable; others stay. */
  write(values: Readonly<Record<string, string>>): Promise<void>;
  /** Has the running webhook use values, as far as that is possible without a deployment or a restart. */
  activate(values: Readonly<Record<string, string>>): Promise<void>;
  /** What the user must do if the webhook does not use the stored values yet. */
  activationAdvice: string;
}

export interface KeyRotationOptions {
  store: KeyStore;
  /** The webhook's request URL. */
  requestUrl: string;
  /** Generates new keys even if there are some. */
  renews: boolean;
  /** Milliseconds since 1970. */
  now(): number;
}

/**
 * - `renew`: generate new keys and send them
 * - `send`: send the first keys, after an interruption
 * - `confirm`: record that the platform uses the first keys
 * - `remove-previous`: remove all but the first keys
 */
export type KeyStep = 'renew' | 'send' | 'confirm' | 'remove-previous';

/** Changes the keys of one app and its webhook. */
export class KeyRotation {
  readonly #options: KeyRotationOptions;

  constructor(options: KeyRotationOptions) {
    this.#options = options;
  }

  /**
   * Determines the next step.
   *
   * @returns `undefined` if there is none, except that the app's keys may differ from the first ones
   * @throws {RangeError} if new keys would lose events
   */
  async nextStep(configuration: AppConfiguration): Promise<KeyStep | undefined> {
    const { store, renews, now } = this.#options;
    const values = await store.read();
    const progress = readProgress(values);
    if (progress.step === 'sending') return 'send';
    if (progress.step === 'in-review') return configuration.publishedVersion === progress.version ? 'confirm' : 'send';
    if (renews || hasNone(readKeys(values))) {
      this.#checkRenewal(readKeys(values), configuration);
      return 'renew';
    }
    if (progress.step === 'none') return undefined;
    return now() >= removableAt(progress.since) ? 'remove-previous' : undefined;
  }

  /** When the previous keys can be removed, in milliseconds since 1970. `undefined` if there are none. */
  async previousRemovableAt(): Promise<number | undefined> {
    const progress = readProgress(await this.#options.store.read());
    return progress.step === 'accepting-previous' ? removableAt(progress.since) : undefined;
  }

  /** Returns whether a change was interrupted, or waits for an administrator. */
  async isUnfinished(): Promise<boolean> {
    const { step } = readProgress(await this.#options.store.read());
    return step === 'sending' || step === 'in-review';
  }

  /** Returns the first keys. */
  async newest(): Promise<Keys> {
    return newestOf(readKeys(await this.#options.store.read()));
  }

  /**
   * Takes a step. After `renew` and `send`, a version must be published: {@link recordPublication}.
   *
   * @throws {PlatformError} if the platform rejects the keys
   * @throws {Error} if the webhook does not accept them, before the platform has them
   */
  async take(step: KeyStep, app: PlatformApp, { encryption }: AppConfiguration): Promise<void> {
    const { store } = this.#options;
    switch (step) {
      case 'renew': {
        const present = await this.#keysInUse();
        const keys = addNewKeys(present, encryption);
        await store.write({ ...writeKeys(keys), ...writeProgress({ step: 'sending' }) });
        return this.#send(app);
      }
      case 'send':
        return this.#send(app);
      case 'confirm':
        return this.recordPublication(undefined);
      case 'remove-previous': {
        const kept = writeKeys(onlyNewest(readKeys(await store.read())));
        // The progress is removed last, so that an interruption repeats this step.
        await store.activate(kept);
        await store.write({ ...kept, ...writeProgress({ step: 'none' }) });
      }
    }
  }

  /**
   * Records that a version with the keys was published. Does nothing if they were not sent.
   *
   * @param versionInReview the version, if it waits for an administrator
   */
  async recordPublication(versionInReview: string | undefined): Promise<void> {
    const { store, now } = this.#options;
    const values = await store.read();
    const { step } = readProgress(values);
    if (step !== 'sending' && step !== 'in-review') return;
    if (versionInReview !== undefined) {
      return store.write(writeProgress({ step: 'in-review', version: versionInReview }));
    }
    const hasPrevious = pairsOf(readKeys(values)).length > 1;
    await store.write(writeProgress(hasPrevious ? { step: 'accepting-previous', since: now() } : { step: 'none' }));
  }

  async #send(app: PlatformApp): Promise<void> {
    const { store, requestUrl } = this.#options;
    // As stored, in case another process has changed them.
    const keys = readKeys(await store.read());
    if (!(await acceptsAll(requestUrl, keys))) {
      await store.activate(writeKeys(keys));
      if (!(await acceptsAll(requestUrl, keys))) {
        throw new Error(
          `The webhook at ${requestUrl} does not accept the new keys yet, so the platform keeps the present ones. ${store.activationAdvice}`,
        );
      }
    }
    const { encryptKey, verificationToken } = newestOf(keys);
    await app.configure({
      event_and_callback_encrypt_strategy: {
        ...(encryptKey !== undefined && { encryption_key: encryptKey }),
        ...(verificationToken !== undefined && { verification_token: verificationToken }),
      },
    });
    if (JSON.stringify(await this.newest()) !== JSON.stringify(newestOf(keys))) {
      throw new Error('Another process has changed the keys meanwhile. Run the command again.');
    }
  }

  /** Without previous ones that nothing is signed with any more. */
  async #keysInUse(): Promise<WebhookSecrets> {
    const { store, now } = this.#options;
    const values = await store.read();
    const keys = readKeys(values);
    const progress = readProgress(values);
    const isOver = progress.step === 'accepting-previous' && now() >= removableAt(progress.since);
    return isOver ? onlyNewest(keys) : keys;
  }

  /** The URL of events changes at once, but the keys only with the version. */
  #checkRenewal(keys: WebhookSecrets, { events, encryption }: AppConfiguration): void {
    const { requestUrl } = this.#options;
    const isMove = events.mode === 'webhook' && events.requestUrl !== undefined && events.requestUrl !== requestUrl;
    if (!isMove || encryption !== undefined || !hasNone(keys)) return;
    throw new RangeError(
      `The app sends its events to ${events.requestUrl}, with keys that the platform does not report. Until they ` +
        'change, this webhook would reject the events. Copy FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN from the ' +
        'developer console first (Events & Callbacks, Encryption Strategy).',
    );
  }
}

async function acceptsAll(url: string, keys: WebhookSecrets): Promise<boolean> {
  for (const pair of pairsOf(keys)) if (!(await acceptsKeys(url, pair))) return false;
  return true;
}

function onlyNewest(keys: WebhookSecrets): WebhookSecrets {
  return { encryptKeys: keys.encryptKeys.slice(0, 1), verificationTokens: keys.verificationTokens.slice(0, 1) };
}

function hasNone({ encryptKeys, verificationTokens }: WebhookSecrets): boolean {
  return encryptKeys.length + verificationTokens.length === 0;
}

function removableAt(since: number): number {
  return since + MAXIMUM_EVENT_AGE_SECONDS * 1000;
}
