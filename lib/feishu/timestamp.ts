/** Ten digits until the year 2286. */
const UNIX_SECONDS = /^\d{10}/;
/** Go's `time.String()`, seen in card callbacks: `2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1` */
const GO_TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,3})?\d* ([+-]\d\d)(\d\d)/;

/**
 * Reads the time at which a request was signed.
 *
 * @param signed `X-Lark-Request-Timestamp` followed by `X-Lark-Request-Nonce`, as in the signed text. The signature
 *   does not protect the boundary between them, so a replay could change the timestamp header alone
 * @returns milliseconds since the epoch, or `undefined` if the format is unknown: the platform has changed it before,
 *   and events must not be lost if it does again
 */
export function parseSigningTime(signed: string): number | undefined {
  const [seconds] = UNIX_SECONDS.exec(signed) ?? [];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const match = GO_TIME.exec(signed);
  if (match === null) return undefined;
  const [, date, time, fraction = '', zoneHours, zoneMinutes] = match;
  const milliseconds = Date.parse(`${date}T${time}${fraction}${zoneHours}:${zoneMinutes}`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

/**
 * Reads the time at which an event was created. `create_time` (v2.0) is in milliseconds or microseconds, depending on
 * the event type; `ts` (v1.0) is in seconds with a fraction.
 *
 * @returns `undefined` if the time is missing or not a positive number
 */
export function parseCreationTime(value: unknown): Date | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !(number > 0)) return undefined;
  const milliseconds = number < 1e11 ? number * 1000 : number < 1e14 ? number : number / 1000;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
