import { isObject, tryParseJsonObject } from '../envelope.ts';

/** What the platform wishes, in discovery's reply and in pongs (`ClientConfig`). */
export interface Settings {
  pingIntervalMs: number;
  /** The longest to wait before connecting again. */
  reconnectIntervalMs: number;
}

export const DEFAULT_SETTINGS: Settings = { pingIntervalMs: 120_000, reconnectIntervalMs: 120_000 };

const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 10 * 60_000;

/**
 * Reads a `ClientConfig`. What is missing or senseless stays as it was. `ReconnectCount` is ignored: it has been seen
 * as 1, and a connection given up loses events.
 *
 * @param config seconds, as the platform has it
 */
export function readSettings(config: unknown, previous: Settings): Settings {
  if (!isObject(config)) return previous;
  return {
    pingIntervalMs: readInterval(config.PingInterval) ?? previous.pingIntervalMs,
    reconnectIntervalMs: readInterval(config.ReconnectInterval) ?? previous.reconnectIntervalMs,
  };
}

/** Reads the payload of a pong, which is often empty and need not be JSON. */
export function readPongSettings(payload: Uint8Array | undefined, previous: Settings): Settings {
  return readSettings(tryParseJsonObject(Buffer.from(payload ?? []).toString('utf8')), previous);
}

function readInterval(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
  return Math.min(Math.max(seconds * 1000, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS);
}
