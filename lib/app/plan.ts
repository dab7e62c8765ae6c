import type { KeyRotation, KeyStep } from './key-rotation.ts';
import {
  type AppConfiguration,
  CONFIGURATION_SCOPES,
  type ConfigurationPatch,
  type Delivery,
  type PlatformApp,
} from './platform-app.ts';
import { HAS_NO_BOT, PlatformError } from './platform-errors.ts';
import { type Requirements, scopesToRequest } from './requirements.ts';

/** What an app should be configured with. */
export interface Target {
  requirements: Requirements;
  /** The webhook's request URL. Without it, the app uses the long connection. */
  requestUrl: string | undefined;
  /** The webhook's keys. Without it, the app's own stay. */
  keys: KeyRotation | undefined;
  /** Also removes subscriptions and scopes that no handler needs. */
  prunes: boolean;
  /** Also sends what the platform does not report. */
  sendsUnknown: boolean;
}

/** One call that changes the app. */
export interface Change {
  /** What it changes, one line each. Contains no secret. */
  lines: string[];
  request: { bot: true } | { configuration: ConfigurationPatch } | { keys: KeyStep };
  /** Otherwise, it has an effect at once. */
  needsPublishing: boolean;
}

export interface Plan {
  /** In the order in which the platform accepts them. */
  changes: Change[];
  /** Whether a version must be published afterwards. */
  publishes: boolean;
  /** What could not be compared, and subscriptions without a handler. */
  notes: string[];
}

/** https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v7/application-v7/application-config/patch */
const LONGEST_SECRET_CHARACTERS = 32;

/** Those of the commands that read and change the app. */
const COMMAND_SCOPES = [...CONFIGURATION_SCOPES, 'application:application:patch'];

const KEYS = 'Encrypt Key and Verification Token';
const KEY_STEPS: Readonly<Record<KeyStep, string>> = {
  renew: `~ ${KEYS}: new ones`,
  send: `~ ${KEYS}: the generated ones`,
  confirm: `~ ${KEYS}: the new ones are in use`,
  'remove-previous': `- previous ${KEYS}`,
};

/**
 * Compares an app with its target. Sends nothing.
 *
 * @throws {PlatformError} if the scopes or the configuration cannot be read
 * @throws {RangeError} if a secret is too long for the platform, or a change of the keys would lose events
 */
export async function planChanges(app: PlatformApp, target: Target): Promise<Plan> {
  const [scopes, configuration] = await Promise.all([app.readScopes(), app.readConfiguration()]);
  const notes: string[] = [];
  const changes = [
    await planBot(app, notes),
    planScopes([...scopes.granted, ...scopes.waiting], target, notes),
    await planKeys(configuration, target, notes),
    planDelivery(
      'events',
      withoutV1(configuration.events, target.requirements),
      target.requirements.events,
      target,
      notes,
    ),
    planDelivery('callbacks', configuration.callbacks, target.requirements.callbacks, target, notes),
  ].filter((change) => change !== undefined);
  const { eventsV1, unknown } = target.requirements;
  const subscribed = configuration.events.types ?? [];
  // The documents of the APIs name only v2.0 events.
  for (const type of eventsV1.filter((name) => !subscribed.includes(name))) {
    notes.push(
      `The v1.0 event ${type}: add it in the developer console (Events & Callbacks > Event Configuration > Add Events).`,
    );
  }
  if (unknown.length > 0) notes.push(`Check in the developer console which scopes these need: ${unknown.join(', ')}.`);
  const isUnpublished = configuration.publishedVersion === undefined && configuration.versionInReview === undefined;
  return { changes, publishes: isUnpublished || changes.some(({ needsPublishing }) => needsPublishing), notes };
}

async function planBot(app: PlatformApp, notes: string[]): Promise<Change | undefined> {
  try {
    await app.readBotName();
    return undefined;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    if (error.code !== HAS_NO_BOT) {
      notes.push(`The Bot feature could not be checked. ${error.message}`);
      return undefined;
    }
    return { lines: ['+ feature Bot'], request: { bot: true }, needsPublishing: true };
  }
}

function planScopes(present: string[], { requirements, prunes }: Target, notes: string[]): Change | undefined {
  const missing = scopesToRequest(requirements.scopes, present);
  const removed = prunes ? scopesToRemove(present, requirements, notes) : [];
  if (missing.length + removed.length === 0) return undefined;
  const scope = {
    ...(missing.length > 0 && { add_scopes: missing.map(tenantScope) }),
    ...(removed.length > 0 && { remove_scopes: removed.map(tenantScope) }),
  };
  return {
    lines: [...missing.map((name) => `+ scope ${name}`), ...removed.map((name) => `- scope ${name}`)],
    request: { configuration: { scope } },
    needsPublishing: true,
  };
}

/** Keeps each scope that could be the one in use. */
function scopesToRemove(present: string[], { scopes, unknown }: Requirements, notes: string[]): string[] {
  const needed = new Set([...COMMAND_SCOPES, ...scopes.flatMap(({ anyOf }) => anyOf)]);
  const extra = present.filter((name) => !needed.has(name)).sort();
  if (extra.length === 0 || unknown.length === 0) return extra;
  notes.push(
    `Scopes stay, because those of ${unknown.join(', ')} are not known. Nothing else needs ${extra.join(', ')}.`,
  );
  return [];
}

function tenantScope(name: string) {
  return { scope_name: name, token_type: 'tenant' as const };
}

async function planKeys(
  configuration: AppConfiguration,
  { keys, requestUrl, sendsUnknown }: Target,
  notes: string[],
): Promise<Change | undefined> {
  if (keys === undefined || requestUrl === undefined) return undefined;
  const step = await keys.nextStep(configuration);
  if (step !== undefined) {
    const needsPublishing = step === 'renew' || step === 'send';
    return { lines: [KEY_STEPS[step]], request: { keys: step }, needsPublishing };
  }
  const removableAt = await keys.previousRemovableAt();
  if (removableAt !== undefined) {
    const time = new Date(removableAt)
      .toISOString()
      .replace(/:\d\d\.\d+Z$/, ' UTC')
      .replace('T', ' ');
    notes.push(`The webhook still accepts the previous keys. From ${time} on, apply removes them.`);
  }
  const { encryptKey, verificationToken } = await keys.newest();
  if (encryptKey === undefined || verificationToken === undefined) return undefined;
  for (const [name, value] of Object.entries({ 'Encrypt Key': encryptKey, 'Verification Token': verificationToken })) {
    if (value.length > LONGEST_SECRET_CHARACTERS) {
      throw new RangeError(`The ${name} has ${value.length} characters, but the platform accepts at most 32.`);
    }
  }
  const { encryption: current } = configuration;
  if (current === undefined && !sendsUnknown) {
    notes.push(`The platform does not report the ${KEYS}: --all sets them.`);
    return undefined;
  }
  if (current?.encryptKey === encryptKey && current.verificationToken === verificationToken) return undefined;
  return {
    lines: [`~ ${KEYS}`],
    request: {
      configuration: {
        event_and_callback_encrypt_strategy: { encryption_key: encryptKey, verification_token: verificationToken },
      },
    },
    needsPublishing: true,
  };
}

/** v1.0 events are subscribed in the developer console. */
function withoutV1({ types, ...delivery }: Delivery, { eventsV1 }: Requirements): Delivery {
  return { ...delivery, types: types?.filter((type) => !eventsV1.includes(type)) };
}

function planDelivery(
  part: 'events' | 'callbacks',
  current: Delivery,
  needed: readonly string[],
  { requestUrl, prunes, sendsUnknown }: Target,
  notes: string[],
): Change | undefined {
  const noun = part === 'events' ? 'event' : 'callback';
  const mode = requestUrl === undefined ? 'websocket' : 'webhook';
  const known = current.types ?? (sendsUnknown ? [] : needed);
  const missing = needed.filter((type) => !known.includes(type));
  const extra = known.filter((type) => !needed.includes(type));
  if (extra.length > 0 && !prunes) {
    notes.push(`No handler needs the ${extra.length === 1 ? noun : part} ${extra.join(', ')}: --prune unsubscribes.`);
  }
  const removed = prunes ? extra : [];
  const isUsed = needed.length > 0;
  // The platform requires the mode whenever the types change.
  const sendsMode = sendsUnknown || missing.length + removed.length > 0;
  const isComparable = current.types !== undefined && (current.mode !== undefined || sendsMode);
  if (!isComparable && !sendsUnknown && isUsed) {
    notes.push(`The platform does not report all about the app's ${part}: --all sends what the handlers need.`);
  }
  const changesMode = isUsed && (current.mode === undefined ? sendsMode : current.mode !== mode);
  const changesUrl =
    isUsed && mode === 'webhook' && (current.mode === undefined ? sendsMode : current.requestUrl !== requestUrl);
  if (missing.length + removed.length === 0 && !changesMode && !changesUrl) return undefined;
  const types = { [`add_${part}`]: missing, [`remove_${part}`]: removed };
  const sent = Object.fromEntries(Object.entries(types).filter(([, names]) => names.length > 0));
  const delivery = { ...sent, ...(mode === 'webhook' && { request_url: requestUrl as string }) };
  return {
    lines: [
      ...(changesMode ? [`~ ${part} over ${mode === 'webhook' ? 'the webhook' : 'the long connection'}`] : []),
      ...(changesUrl ? [`~ request URL of ${part}: ${requestUrl}`] : []),
      ...missing.map((type) => `+ ${noun} ${type}`),
      ...removed.map((type) => `- ${noun} ${type}`),
    ],
    request: {
      configuration:
        part === 'events'
          ? { event: { subscription_type: mode, ...delivery } }
          : { callback: { callback_type: mode, ...delivery } },
    },
    // Of these, only the events' URL has an effect without a new version.
    needsPublishing: part === 'callbacks' || changesMode || missing.length + removed.length > 0,
  };
}
