import { asText, isObject, type JsonObject, tryParseJsonObject } from '../feishu/envelope.ts';
import { type HttpResult, httpPost } from '../feishu/http-post.ts';
import { ProxySettingError, routeTo } from '../feishu/route.ts';
import { toSingleLine } from '../util/printable.ts';
import { PLATFORMS, type Platform, type PlatformName } from './platforms.ts';

// The platform's registration of apps by a user's confirmation, an OAuth 2.0 device authorization grant. The official
// SDK's `registerApp` does the same, but one lost response rejects it although the code is still valid, and its requests
// have no time limit.
// https://www.rfc-editor.org/rfc/rfc8628, https://github.com/larksuite/node-sdk#app-registration

const PATH = '/oauth/v1/app/registration';
const REQUEST_WITHIN_MILLISECONDS = 10_000;
const DEFAULT_INTERVAL_SECONDS = 5;
const DEFAULT_EXPIRY_SECONDS = 600;
/** RFC 8628, 3.5 */
const SLOW_DOWN_MILLISECONDS = 5_000;
const LONGEST_INTERVAL_SECONDS = 60;
const LONGEST_EXPIRY_SECONDS = 24 * 60 * 60;
/** A response has some hundred bytes. */
const MAXIMUM_RESPONSE_BYTES = 64 * 1024;

/** Time, so that tests need not wait. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** @throws the signal's reason when it aborts */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** A registration that waits for a user's confirmation. */
export interface PendingRegistration {
  /** Where the user confirms it. */
  link: URL;
  /** Secret: with it, anybody can collect the app's credentials. */
  deviceCode: string;
  intervalMilliseconds: number;
  /** In the clock's time. */
  expiresAt: number;
}

/** An app that a user created or extended. */
export interface RegisteredApp {
  appId: string;
  appSecret: string;
  platform: PlatformName;
}

export interface RegistrationOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Default: the addresses of Feishu and Lark. */
  platforms?: Readonly<Record<PlatformName, Platform>>;
  /** The time limit of a request. Default: 10 s. */
  requestWithinMilliseconds?: number;
}

export interface CollectOptions extends RegistrationOptions {
  /** Called when the user turns out to belong to Lark. */
  onLark?(): void;
  /** Called for each request without a usable response. The next one follows after the interval. */
  onRetry?(reason: string): void;
}

/** `access_denied`, `expired_token`, or another code of the platform. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Starts a registration.
 *
 * @throws {RegistrationError} if the platform cannot be reached, refuses, or sends an unusable response
 * @throws the signal's reason
 */
export async function beginRegistration(options: RegistrationOptions): Promise<PendingRegistration> {
  const { clock, signal, platforms = PLATFORMS } = options;
  const { accounts } = platforms.feishu;
  const startedAt = clock.now();
  const parameters = {
    action: 'begin',
    archetype: 'PersonalAgent',
    auth_method: 'client_secret',
    request_user_info: 'open_id',
  };
  const { status, text } = await request(accounts, parameters, options).catch((cause) => {
    signal.throwIfAborted();
    const reason = describeFailure(accounts, cause);
    throw new RegistrationError('unreachable', `${reason}. Check the network and the proxy, and run it again.`, {
      cause,
    });
  });
  const body = tryParseJsonObject(text);
  if (body?.error !== undefined) {
    throw new RegistrationError(String(body.error), `${accounts} refused: ${describeRefusal(body)}. ${MANUALLY}`);
  }
  if (status >= 500) {
    throw new RegistrationError(
      'unreachable',
      `${accounts} responded with HTTP ${status}. Run the command again later.`,
    );
  }
  const link = URL.parse(asText(body?.verification_uri_complete) ?? '');
  const deviceCode = asText(body?.device_code);
  if (body === undefined || deviceCode === undefined || link === null || !isSecure(link)) {
    throw new RegistrationError('invalid_response', `${accounts} did not return a link (HTTP ${status}). ${MANUALLY}`);
  }
  const expiresIn = readSeconds(body.expires_in, DEFAULT_EXPIRY_SECONDS, LONGEST_EXPIRY_SECONDS);
  const interval = readSeconds(body.interval, DEFAULT_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS);
  return { link, deviceCode, intervalMilliseconds: interval * 1000, expiresAt: startedAt + expiresIn * 1000 };
}

/**
 * Waits until the user has confirmed, and collects the app's credentials. Survives lost responses: the code stays valid
 * until it expires.
 *
 * @throws {RegistrationError} `access_denied` or `expired_token`, or another refusal of the platform
 * @throws the signal's reason
 */
export async function collectApp(pending: PendingRegistration, options: CollectOptions): Promise<RegisteredApp> {
  const { clock, signal, platforms = PLATFORMS, onLark, onRetry } = options;
  let platform: PlatformName = 'feishu';
  let { intervalMilliseconds } = pending;
  while (clock.now() < pending.expiresAt) {
    const response = await poll(platforms[platform].accounts, pending.deviceCode, options);
    if (response.result === 'refused') throw new RegistrationError(response.code, response.message);
    if (response.result === 'answered' && response.isLark && platform === 'feishu') {
      platform = 'lark';
      onLark?.();
      continue;
    }
    if (response.result === 'answered' && response.app !== undefined) return { ...response.app, platform };
    if (response.result === 'slow-down') intervalMilliseconds += SLOW_DOWN_MILLISECONDS;
    if (response.result === 'failed') onRetry?.(response.reason);
    await clock.sleep(Math.min(intervalMilliseconds, Math.max(pending.expiresAt - clock.now(), 0)), signal);
  }
  throw new RegistrationError('expired_token', `${REFUSALS.get('expired_token')} To try again: npm run setup`);
}

type PollResponse =
  | { result: 'answered'; isLark: boolean; app?: Omit<RegisteredApp, 'platform'> }
  | { result: 'slow-down' }
  | { result: 'refused'; code: string; message: string }
  | { result: 'failed'; reason: string };

async function poll(accounts: string, deviceCode: string, options: RegistrationOptions): Promise<PollResponse> {
  let response: HttpResult;
  try {
    response = await request(accounts, { action: 'poll', device_code: deviceCode }, options);
  } catch (cause) {
    options.signal.throwIfAborted();
    return { result: 'failed', reason: describeFailure(accounts, cause) };
  }
  const { status, text } = response;
  const body = tryParseJsonObject(text);
  if (status === 429 || body?.error === 'slow_down') return { result: 'slow-down' };
  if (body === undefined || status >= 500) {
    return { result: 'failed', reason: `${accounts} responded with HTTP ${status}` };
  }
  const isLark = isObject(body.user_info) && body.user_info.tenant_brand === 'lark';
  const [appId, appSecret] = [asText(body.client_id), asText(body.client_secret)];
  if (appId && appSecret) return { result: 'answered', isLark, app: { appId, appSecret } };
  if (isLark || body.error === undefined || body.error === 'authorization_pending') {
    return { result: 'answered', isLark };
  }
  const message = REFUSALS.get(body.error) ?? `The platform refused: ${describeRefusal(body)}.`;
  return { result: 'refused', code: String(body.error), message: `${message} To try again: npm run setup` };
}

/** @throws network errors, and the signal's reason */
function request(
  accounts: string,
  parameters: Record<string, string>,
  { signal, requestWithinMilliseconds = REQUEST_WITHIN_MILLISECONDS }: RegistrationOptions,
): Promise<HttpResult> {
  const url = new URL(PATH, accounts);
  return httpPost(url, routeTo(url, requestWithinMilliseconds), {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(parameters).toString(),
    maximumResponseBytes: MAXIMUM_RESPONSE_BYTES,
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestWithinMilliseconds)]),
  });
}

function describeFailure(accounts: string, error: unknown): string {
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (error instanceof ProxySettingError) return message;
  // The status of a proxy's response is only in the message.
  const reason = name === 'TimeoutError' ? 'timeout' : code === 'ERR_PROXY_TUNNEL' ? message : (code ?? message);
  return `No response from ${accounts} (${reason}${routeTo(new URL(accounts)).via})`;
}

const MANUALLY = 'Set the app up in the developer console: npm run setup -- --manual';

const REFUSALS: ReadonlyMap<unknown, string> = new Map([
  ['access_denied', 'The request was denied on the page.'],
  ['expired_token', 'The code expired before it was confirmed.'],
]);

function describeRefusal({ error, error_description: description }: JsonObject): string {
  return toSingleLine([error, description].filter((part) => typeof part === 'string' && part !== '').join(', '));
}

function readSeconds(value: unknown, standard: number, longest: number): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, longest) : standard;
}

/** The link is opened in a browser. */
function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1');
}
