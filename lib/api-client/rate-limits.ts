import { setTimeout as sleep } from 'node:timers/promises';
import { isObject } from '../feishu/envelope.ts';
import { type Log, MAXIMUM_RETRY_AFTER_SECONDS } from '../handler.ts';
import { rejectOnAbort } from '../util/deadline.ts';

/** When a rejected call may be repeated. */
export interface CallTime {
  /** The remaining time of the invocation. */
  remainingMilliseconds: () => number;
  /** Aborts when only the time to report the batch is left. */
  signal: AbortSignal;
}

/** The app, or an API for the app and the tenant: 50 calls per second or 1,000 per minute. */
const TOO_MANY_CALLS = 99991400;
/** A chat or a user: 5 messages per second. The response does not say when to send the next one. */
const TOO_MANY_MESSAGES = 230020;

const FIRST_DELAY_MILLISECONDS = 1000;
const LONGEST_DELAY_MILLISECONDS = 30_000;
/** Spreads calls that were rejected together. The platform's time is only ever exceeded. */
const JITTER = 0.2;
/** Left after a wait, for the repeated call, the rest of the handler and the report of the batch. */
const RESERVED_MILLISECONDS = 10_000;

const METHODS = ['request', 'get', 'delete', 'head', 'options', 'post', 'put', 'patch'] as const;

/** The times from which rejected calls may be repeated, in milliseconds on the clock of `performance.now()`. */
const repeatTimes = new WeakMap<object, number>();

/**
 * Returns an HTTP client that waits and repeats a call while the platform rejects it because of a rate limit. A
 * rejected call has no effect, so that repeating it is safe. If the invocation has no time to wait, or the request
 * contains a stream, the error is thrown, and {@link rateLimitSeconds} returns when the event may be retried.
 *
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
 */
export function waitForRateLimits<Http extends Record<(typeof METHODS)[number], unknown>>(
  http: Http,
  time: CallTime,
  log: Log,
): Http {
  const repeating = METHODS.map((name) => {
    const method = http[name] as (...parameters: unknown[]) => Promise<unknown>;
    const send = (...parameters: unknown[]) => {
      const isRepeatable = !parameters.some((parameter) => containsStream(parameter));
      return repeatWhileLimited(() => method.apply(http, parameters), isRepeatable, time, log);
    };
    return [name, send] as const;
  });
  const members = new Map<PropertyKey, unknown>(repeating);
  return new Proxy(http, {
    get: (target, name) => (members.has(name) ? members.get(name) : Reflect.get(target, name)),
  });
}

/**
 * Returns how long an event must wait because of a call that the platform rejected.
 *
 * @param error what the handler threw: the error of the call, or one that has it as a cause
 * @returns whole seconds, or `undefined` if no call was rejected because of a rate limit
 */
export function rateLimitSeconds(error: unknown): number | undefined {
  const seen = new Set<unknown>();
  const times: number[] = [];
  const visit = (value: unknown) => {
    if (!(value instanceof Error) || seen.has(value)) return;
    seen.add(value);
    const until = repeatTimes.get(value);
    if (until !== undefined) times.push(until);
    visit(value.cause);
    if (value instanceof AggregateError) value.errors.forEach(visit);
  };
  visit(error);
  if (times.length === 0) return undefined;
  const seconds = Math.ceil((Math.max(...times) - performance.now()) / 1000);
  return Math.min(Math.max(seconds, 1), MAXIMUM_RETRY_AFTER_SECONDS);
}

async function repeatWhileLimited(call: () => Promise<unknown>, isRepeatable: boolean, time: CallTime, log: Log) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const delay = delayMilliseconds(error, attempt);
      if (delay === undefined) throw error;
      const wait = Math.ceil(delay * (1 + Math.random() * JITTER));
      if (!isRepeatable || wait + RESERVED_MILLISECONDS > time.remainingMilliseconds()) {
        repeatTimes.set(error as Error, performance.now() + wait);
        throw error;
      }
      log.info('The platform limits the rate of calls. The call is repeated', { wait_milliseconds: wait });
      await rejectOnAbort(time.signal, sleep(wait, undefined, { signal: time.signal }));
    }
  }
}

/** @returns `undefined` if the error is not a rate limit */
function delayMilliseconds(error: unknown, attempt: number): number | undefined {
  const response = error instanceof Error && 'response' in error ? error.response : undefined;
  if (!isObject(response)) return undefined;
  const code = isObject(response.data) ? response.data.code : undefined;
  if (response.status !== 429 && code !== TOO_MANY_CALLS && code !== TOO_MANY_MESSAGES) return undefined;
  const headers = isObject(response.headers) ? response.headers : {};
  const told = readSeconds(headers['x-ogw-ratelimit-reset']) ?? readSeconds(headers['retry-after']);
  const backoff = Math.min(FIRST_DELAY_MILLISECONDS * 2 ** (attempt - 1), LONGEST_DELAY_MILLISECONDS);
  return told === undefined ? backoff : told * 1000;
}

/** Reads a number of seconds, or a date as in `Retry-After`. */
function readSeconds(header: unknown): number | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (seconds >= 0) return seconds;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

/** A stream cannot be sent twice. The SDK passes uploads as members of `data`. */
function containsStream(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('pipe' in value || 'getReader' in value) return true;
  return depth < 2 && Object.values(value).some((member) => containsStream(member, depth + 1));
}
