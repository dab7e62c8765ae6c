import { isObject, tryParseJsonObject } from '../envelope.ts';

/** Settings that the platform sends in the discovery response and in pongs (`ClientConfig`). */
export interface Settings {
  pingIntervalMs: number;
  /** The maximum delay before reconnecting. */
  reconnectIntervalMs: number;
  /** The maximum delay before reconnecting to a platform that closed the connection. */
  reconnectNonceMs: number;
}

/** The defaults of the official SDKs. */
export const DEFAULT_SETTINGS: Settings = {
  pingIntervalMs: 120_000,
  reconnectIntervalMs: 120_000,
  reconnectNonceMs: 30_000,
};

const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 10 * 60_000;
/** The health check tolerates a minute without a connection. */
const LONGEST_NONCE_MS = 60_000;

/**
 * Reads a `ClientConfig`. Missing or invalid values keep their previous setting. `ReconnectCount` is ignored: it was
 * seen as 1, and a client that stops reconnecting loses events.
 *
 * @param config the platform's object, with intervals in seconds
 */
export function readSettings(config: unknown, previous: Settings): Settings {
  if (!isObject(config)) return previous;
  return {
    pingIntervalMs: readInterval(config.PingInterval) ?? previous.pingIntervalMs,
    reconnectIntervalMs: readInterval(config.ReconnectInterval) ?? previous.reconnectIntervalMs,
    reconnectNonceMs: readNonce(config.ReconnectNonce) ?? previous.reconnectNonceMs,
  };
}

/** Reads the payload of a pong, which is often empty and may not be JSON. */
export function readPongSettings(payload: Uint8Array | undefined, previous: Settings): Settings {
  // Stryker disable next-line ArrayDeclaration: any bytes that are not JSON change nothing
  return readSettings(tryParseJsonObject(Buffer.from(payload ?? []).toString('utf8')), previous);
}

function readInterval(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
  return Math.min(Math.max(seconds * 1000, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS);
}

function readNonce(seconds: unknown): number | undefined {
  return typeof seconds === 'number' && seconds >= 0 ? Math.min(seconds * 1000, LONGEST_NONCE_MS) : undefined;
}
