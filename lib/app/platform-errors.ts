import { isObject } from '../feishu/envelope.ts';
import { toSingleLine } from '../util/printable.ts';

/** What to do about the platform's error codes. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [10003, 'The App ID is wrong. Copy it from the developer console: Credentials & Basic Info.'],
  [10014, 'The App Secret is wrong. Copy it from the developer console: Credentials & Basic Info.'],
  [212100, 'The app is not installed in this tenant. Publish a version first.'],
  [99991400, 'Too many calls. Wait a minute and run the command again.'],
  // https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v7/application-v7/application-config/patch
  ...entries([210036, 210016], 'These credentials belong to another app.'),
  ...entries(
    [210040, 210020, 210302],
    'A version of the app is in review. Wait for the administrator, or withdraw it.',
  ),
  ...entries(
    [210043, 210021, 210001],
    'The app was not created in the developer console. Add what is missing with npm run setup -- --app and its App ID.',
  ),
  ...entries([210042, 210019], 'The platform could not verify the request URL. Is the webhook deployed?'),
  [210041, 'One of the scopes needs the Bot feature.'],
  ...entries([210303, 210304], 'The version to publish is not complete.'),
]);

const MISSING_SCOPE = 99991672;
/** The platform could not verify the request URL. */
export const UNVERIFIED_URL = 210042;
/** The response of `bot/v3/info`: https://open.feishu.cn/document/ukTMukTMukTM/uAjMxEjLwITMx4CMyETM */
export const HAS_NO_BOT = 11205;

/** The platform rejected a call, or did not respond. The message is for the user and contains no secret. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  /** The platform's error code, if it responded. */
  readonly code: number | undefined;
  /** The scopes of which the call needs one. */
  readonly missingScopes: readonly string[];

  /** @param error what the official SDK threw or returned */
  constructor(error: unknown) {
    const body = bodyOf(error);
    const code = typeof body?.code === 'number' ? body.code : codeIn(error);
    const scopes = missingScopesOf(body);
    // Not the SDK's error as the cause: it contains the credentials.
    super(describe(error, body, code, scopes));
    this.code = code;
    this.missingScopes = scopes;
  }
}

function describe(error: unknown, body: Body, code: number | undefined, scopes: string[]): string {
  if (code === undefined) {
    const { code: reason, message } = error as NodeJS.ErrnoException;
    return `The platform did not respond (${toSingleLine(String(reason ?? message))}). Check the network and the proxy, then run the command again.`;
  }
  const words = `The platform responded: ${toSingleLine(String(body?.msg ?? wordsIn(error)))} (${code}).`;
  if (code === MISSING_SCOPE && scopes.length > 0) {
    return `The app lacks the scope ${scopes.join(' or ')} (${code}). Add it in the developer console: Permissions & Scopes.`;
  }
  return `${words} ${ADVICE.get(code) ?? 'The documents of the platform explain the code.'}`;
}

type Body = Readonly<Record<string, unknown>> | undefined;

/** The body of a response that the SDK threw as an error or returned. */
function bodyOf(error: unknown): Body {
  if (!isObject(error)) return undefined;
  if (isObject(error.response) && isObject(error.response.data)) return error.response.data;
  return error instanceof Error ? undefined : error;
}

/** The SDK's error for a rejected token request has the code only in its message. */
function codeIn(error: unknown): number | undefined {
  const [, code] = (error instanceof Error && /\bcode[=: ]+(\d+)/.exec(error.message)) || [];
  return code === undefined ? undefined : Number(code);
}

function wordsIn(error: unknown): string {
  const [, words = 'error'] = (error instanceof Error && /\bmsg: (.*)/.exec(error.message)) || [];
  return words;
}

function missingScopesOf(body: Body): string[] {
  const violations = isObject(body?.error) ? body.error.permission_violations : undefined;
  if (!Array.isArray(violations)) return [];
  return violations.flatMap((violation) =>
    isObject(violation) && typeof violation.subject === 'string' ? [toSingleLine(violation.subject)] : [],
  );
}

function entries(codes: number[], advice: string): [number, string][] {
  return codes.map((code) => [code, advice]);
}
