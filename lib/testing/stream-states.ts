import type { StoredStreams, StreamStates } from '../store/stream-states.ts';

export interface MemoryStreamStates extends StreamStates {
  /** What is stored of an event. */
  of(key: string): StoredStreams | undefined;
}

/** Stores the streamed replies in memory, as JSON. */
export function createMemoryStreamStates(): MemoryStreamStates {
  const stored = new Map<string, string>();
  const of = (key: string): StoredStreams | undefined => JSON.parse(stored.get(key) ?? 'null') ?? undefined;
  const set = (key: string, streams: StoredStreams) => void stored.set(key, JSON.stringify(streams));
  return {
    of,
    async begin(key) {
      const { run = 0, replies = {} } = of(key) ?? {};
      const streams = { run: run + 1, expiration: 0, replies };
      set(key, streams);
      return streams;
    },
    async write(key, streams) {
      if (of(key)?.run !== streams.run) throw new Error('A later delivery continues the streamed replies');
      set(key, streams);
    },
    read: async (key) => of(key)?.replies ?? {},
  };
}
