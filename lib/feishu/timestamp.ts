/** Until the year 2286. */
const UNIX_SECONDS = /^\d{10}/;
/** Go's `time.String()`, seen on card callbacks: `2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1` */
const GO_TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,3})?\d* ([+-]\d\d)(\d\d)/;

/**
 * Reads when a request was signed.
 *
 * @param signed `X-Lark-Request-Timestamp`, followed by `X-Lark-Request-Nonce` as in what is signed. The signature does
 *   not tell where the one ends: read by itself, a timestamp with a part of the nonce would be another time, or none
 * @returns milliseconds since the epoch, or `undefined` when the form is not known: the platform has changed it
 *   before, and an event must not be lost for that
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
 * Reads the time an event was created at. The unit depends on the event type: `create_time` is in milliseconds or
 * in microseconds, and `ts` of v1.0 in seconds with a fraction.
 *
 * @returns `undefined` when there is none or it is not readable
 */
export function parseCreationTime(value: unknown): Date | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !(number > 0)) return undefined;
  const milliseconds = number < 1e11 ? number * 1000 : number < 1e14 ? number : number / 1000;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
