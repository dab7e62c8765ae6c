import type { JsonObject } from '../feishu/envelope.ts';
import { chatOf, userOf } from '../feishu/event-identity.ts';
import { toStoredJson } from '../util/stored-json.ts';
import { openStore, type StateContext } from './open-store.ts';
import { NO_VERSION, StateConflict, type StateKey } from './state-store.ts';

export { StateConflict };

/** The value that is stored for a chat or a user. All methods throw DynamoDB's errors. */
export interface State<Value> {
  get(): Promise<StateEntry<Value>>;
  /**
   * Stores a value, and replaces an earlier one.
   *
   * @param value a JSON value of at most 256 KiB
   * @returns the new version
   * @throws {StateConflict} if `ifVersion` is not the current version
   * @throws {TypeError} if `value` is not a JSON value
   * @throws {RangeError} if `value` is too large, or `expiresInSeconds` is not a positive whole number
   */
  set(value: Value, options?: SetOptions): Promise<string>;
  /**
   * Deletes the value, if there is one.
   *
   * @throws {StateConflict} if `ifVersion` is not the current version
   */
  delete(options?: Pick<SetOptions, 'ifVersion'>): Promise<void>;
}

export interface StateEntry<Value> {
  /** `undefined` if none is stored, or if it has expired. */
  value: Value | undefined;
  /** Changes with each `set`. It also exists if no value is stored. */
  version: string;
}

export interface SetOptions {
  /** From `get`: only if nobody else has changed the value since. Default: always. */
  ifVersion?: string;
  /** Deletes the value after this time. Default: never. */
  expiresInSeconds?: number;
}

/**
 * Returns the state of the event's chat, which all events of the chat share.
 *
 * @param options.chatId another chat
 * @throws {TypeError} if the event has no chat
 */
export function chatState<Value = unknown>(
  event: object,
  context: StateContext,
  { chatId = chatOf({ event: event as JsonObject }) }: { chatId?: string } = {},
): State<Value> {
  return stateOf(keyOf('chat', chatId, context), context);
}

/**
 * Returns the state of the user who caused the event: who sent the message or clicked, in all chats.
 *
 * @param options.openId another user
 * @throws {TypeError} if the event has no user
 */
export function userState<Value = unknown>(
  event: object,
  context: StateContext,
  { openId = userOf({ event: event as JsonObject }) }: { openId?: string } = {},
): State<Value> {
  return stateOf(keyOf('user', openId, context), context);
}

function keyOf(kind: StateKey['kind'], id: string | undefined, { header }: StateContext): StateKey {
  if (id === undefined) {
    const option = kind === 'chat' ? 'chatId' : 'openId';
    throw new TypeError(`The event ${header.type} has no ${kind}. Pass { ${option} } as the third argument.`);
  }
  return { app: header.app, tenant: header.tenant, kind, id };
}

function stateOf<Value>(key: StateKey, context: StateContext): State<Value> {
  const { signal } = context;
  const store = () => openStore(context);
  return {
    async get() {
      const { json, version } = (await store().read(key, signal)) ?? { version: NO_VERSION };
      return { value: json === undefined ? undefined : (JSON.parse(json) as Value), version };
    },
    async set(value, options = {}) {
      const { expiresInSeconds } = options;
      if (expiresInSeconds !== undefined && !(Number.isInteger(expiresInSeconds) && expiresInSeconds > 0)) {
        throw new RangeError(`expiresInSeconds must be a positive whole number, not ${expiresInSeconds}.`);
      }
      return await store().write(key, toStoredJson(value, `The state of the ${key.kind}`), options, signal);
    },
    async delete(options = {}) {
      await store().delete(key, options, signal);
    },
  };
}
