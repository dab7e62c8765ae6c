import { createHash } from 'node:crypto';
import { NO_VERSION, StateConflict, type StateKey, type StateStore } from '../state/state-store.ts';

/** The states of chats by `chat_id`, and of users by `open_id`. `run` changes them. */
export interface TestState {
  chats?: Record<string, unknown>;
  users?: Record<string, unknown>;
  /** What `#feishu-events/turns` stores. */
  turns?: Record<string, unknown>;
  messages?: Record<string, unknown>;
}

/** Creates a store in memory. Nothing expires. A change of the object between a handler's calls is a conflict. */
export function createMemoryState(state: TestState): StateStore {
  const valuesOf = ({ kind }: StateKey): Record<string, unknown> => {
    const part = `${kind}s` as const;
    state[part] ??= {};
    return state[part];
  };
  const read = (key: StateKey) => {
    const values = valuesOf(key);
    if (!Object.hasOwn(values, key.id)) return undefined;
    const json = JSON.stringify(values[key.id]);
    return { json, version: createHash('sha256').update(json).digest('hex') };
  };
  const check = (key: StateKey, ifVersion: string | undefined) => {
    const { version } = read(key) ?? { version: NO_VERSION };
    if (ifVersion !== undefined && ifVersion !== version) throw new StateConflict(key);
  };

  return {
    read: async (key) => read(key),
    async write(key, json, { ifVersion }) {
      check(key, ifVersion);
      valuesOf(key)[key.id] = JSON.parse(json);
      return read(key)?.version ?? NO_VERSION;
    },
    async delete(key, { ifVersion }) {
      if (read(key) !== undefined) check(key, ifVersion);
      delete valuesOf(key)[key.id];
    },
  };
}
