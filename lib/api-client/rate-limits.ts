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

/** The parts of a request that limits depend on. */
export interface CallRequest {
  method?: unknown;
  url?: unknown;
  data?: unknown;
}

/** Finds the time of each call, so that the platform rejects few. */
export interface CallSlots {
  /**
   * Reserves the time of a call.
   *
   * @param earliest milliseconds since the epoch
   * @param latest if the call cannot be made by then, nothing is reserved
   * @param rejection the limit that rejected the previous attempt at this call, until `earliest`
   * @returns milliseconds since the epoch, which may be later than `latest`
   */
  reserve(request: CallRequest, earliest: number, latest: number, rejection?: LimitScope): Promise<number>;
}

/** What a limit counts: the calls of an API, or the messages to a chat or a user. */
export type LimitScope = 'api' | 'recipient';

/** A call was not sent, or was rejected with HTTP status 200, because of a rate limit. */
class RateLimited extends Error {
  override readonly name = 'RateLimited';
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
/** A call may wait this long even if less time is left. */
const SHORT_WAIT_MILLISECONDS = 1000;

const METHODS = ['request', 'get', 'delete', 'head', 'options', 'post', 'put', 'patch'] as const;

/** The times from which rejected calls may be repeated, in milliseconds on the clock of `performance.now()`. */
const repeatTimes = new WeakMap<object, number>();

type Method = (...parameters: unknown[]) => Promise<unknown>;

/** A response of the platform. */
interface CallResponse {
  /** What the HTTP client returns. */
  result?: unknown;
  /** What the HTTP client throws. */
  error?: unknown;
  status: number;
  body: unknown;
  headers: unknown;
}

/**
 * Returns an HTTP client that waits and repeats a call while the platform rejects it because of a rate limit. A
 * rejected call has no effect, so that repeating it is safe. If the invocation has no time to wait, or the request
 * contains a stream, an error is thrown, and {@link rateLimitSeconds} returns when the event may be retried.
 *
 * @param http the official SDK's HTTP client, whose methods return the body
 * @param slots the time of each call; `undefined` to call at once
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
 */
export function waitForRateLimits<Http extends Record<(typeof METHODS)[number], unknown>>(
  http: Http,
  time: CallTime,
  log: Log,
  slots?: CallSlots,
): Http {
  const repeating = METHODS.map((name) => {
    const method = http[name] as Method;
    const limited = (...parameters: unknown[]) => {
      const isRepeatable = !parameters.some((parameter) => containsStream(parameter));
      const send: Method = (...changed) => method.apply(http, changed);
      const [options] = parameters;
      // The SDK's API calls. It uses the other methods for tokens.
      if (name === 'request' && isObject(options)) {
        const reserve: ReserveTime | undefined = slots && ((...times) => slots.reserve(options, ...times));
        return repeatWhileLimited(() => callWithHeaders(send, options), isRepeatable, time, log, reserve);
      }
      return repeatWhileLimited(() => callMethod(() => send(...parameters)), isRepeatable, time, log);
    };
    return [name, limited] as const;
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

/**
 * Makes a call as {@link waitForRateLimits} does in an invocation that has no time to wait.
 *
 * @param call returns the response's body
 * @throws what `call` throws, and an error for {@link rateLimitSeconds} if the platform limits the rate of calls
 */
export function callWithoutWaiting(call: () => Promise<unknown>, log: Log): Promise<unknown> {
  const time = { remainingMilliseconds: () => 0, signal: new AbortController().signal };
  return repeatWhileLimited(() => callMethod(call), false, time, log);
}

type ReserveTime = (earliest: number, latest: number, rejection?: LimitScope) => Promise<number>;

async function repeatWhileLimited(
  call: () => Promise<CallResponse>,
  isRepeatable: boolean,
  { remainingMilliseconds, signal }: CallTime,
  log: Log,
  reserve: ReserveTime = async (earliest) => earliest,
): Promise<unknown> {
  /** Waits for the time of the call, or throws the error if the invocation has no time to wait. */
  const waitAtLeast = async (milliseconds: number, longest: number, error: Error, rejection?: LimitScope) => {
    const now = Date.now();
    const at = await reserve(now + milliseconds, now + longest, rejection);
    if (at > now + longest) {
      repeatTimes.set(error, performance.now() + at - Date.now());
      throw error;
    }
    if (at > Date.now()) await rejectOnAbort(signal, sleep(at - Date.now(), undefined, { signal }));
  };
  const longestWait = () => remainingMilliseconds() - RESERVED_MILLISECONDS;

  const notCalled = new RateLimited('Not called: the calls of all workers use up the rate limit');
  await waitAtLeast(0, Math.max(longestWait(), SHORT_WAIT_MILLISECONDS), notCalled);
  for (let attempt = 1; ; attempt += 1) {
    const { result, error, ...response } = await call();
    const rejection = rejectionOf(response, attempt);
    if (rejection === undefined) {
      if (error !== undefined) throw error;
      return result;
    }
    const wait = Math.ceil(rejection.milliseconds * (1 + Math.random() * JITTER));
    log.info('The platform limits the rate of calls', { wait_milliseconds: wait });
    const limited = error instanceof Error ? error : rejectedWith(response.body);
    await waitAtLeast(wait, isRepeatable ? longestWait() : -1, limited, rejection.scope);
  }
}

/** @param send returns the response's body */
async function callMethod(send: () => Promise<unknown>): Promise<CallResponse> {
  try {
    const result = await send();
    return { result, status: 200, body: result, headers: {} };
  } catch (error) {
    const response = error instanceof Error && 'response' in error ? error.response : undefined;
    if (!isObject(response)) throw error;
    return { error, status: Number(response.status), body: response.data, headers: response.headers };
  }
}

/** Requests the headers of the response as well, with an option of the official SDK. */
function callWithHeaders(request: Method, options: Record<string, unknown>): Promise<CallResponse> {
  const response = callMethod(() => request({ ...options, $return_headers: true }));
  return response.then(({ result, ...rest }) => {
    if (rest.error !== undefined || !isObject(result) || !('headers' in result)) return { result, ...rest };
    const { data, headers } = result;
    return { ...rest, result: options.$return_headers ? result : data, body: data, headers };
  });
}

/** @returns `undefined` if the call was not rejected because of a rate limit */
function rejectionOf(response: Pick<CallResponse, 'status' | 'body' | 'headers'>, attempt: number) {
  const code = isObject(response.body) ? Number(response.body.code) : undefined;
  if (response.status !== 429 && code !== TOO_MANY_CALLS && code !== TOO_MANY_MESSAGES) return undefined;
  const headers = isObject(response.headers) ? response.headers : {};
  const told = readSeconds(headers['x-ogw-ratelimit-reset']) ?? readSeconds(headers['retry-after']);
  const backoff = Math.min(FIRST_DELAY_MILLISECONDS * 2 ** (attempt - 1), LONGEST_DELAY_MILLISECONDS);
  const scope: LimitScope = code === TOO_MANY_MESSAGES ? 'recipient' : 'api';
  return { scope, milliseconds: told === undefined ? backoff : told * 1000 };
}

function rejectedWith(body: unknown): RateLimited {
  const { code, msg } = isObject(body) ? body : {};
  return new RateLimited(`The platform limits the rate of calls: ${code} ${msg}`);
}

/** Reads a number of seconds, or a date as in `Retry-After`. */
function readSeconds(header: unknown): number | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (seconds >= 0) return seconds;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

/** Returns whether the options of a request contain a stream, which cannot be sent twice. Uploads are members of `data`. */
export function containsStream(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('pipe' in value || 'getReader' in value) return true;
  return depth < 2 && Object.values(value).some((member) => containsStream(member, depth + 1));
}
