import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { decrypt, encrypt } from './cipher.ts';
import {
  type EventEnvelope,
  isOldCard,
  type JsonObject,
  OLD_CARD_TYPE,
  parseJsonObject,
  readEnvelope,
  tryParseJsonObject,
} from './envelope.ts';
import { FeishuError } from './errors.ts';
import { type SignedRequest, sign, verify } from './signature.ts';
import { parseSigningTime } from './timestamp.ts';
import { readEncryptedUrlVerification } from './url-verification.ts';

/** An HTTP POST of the platform. Header names are in lower case, the body is as it came. */
export interface WebhookRequest {
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
}

/** The secrets of the app's developer console. Several of a kind are valid at once while one is being rotated. */
export interface WebhookSecrets {
  encryptKeys: readonly string[];
  verificationTokens: readonly string[];
}

export type WebhookDelivery =
  | { kind: 'url-verification'; challenge: string }
  /** `text`: the decrypted JSON as the platform wrote it, with integers above 2^53 and unknown fields intact. */
  | { kind: 'event'; envelope: EventEnvelope; text: string };

/** The platform re-delivers for up to 72 hours. Anything older is rejected, so that no replay outlives its record. */
export const MAXIMUM_EVENT_AGE_SECONDS = 72 * 60 * 60;
/** The platform never sends a callback again, so an old one is a replay. */
export const MAXIMUM_CALLBACK_AGE_SECONDS = 5 * 60;

/** The hexadecimal digest of SHA-1 (old card callback) or SHA-256. */
const SIGNATURE = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The secret that a request was signed with. `undefined`: it is unsigned. */
export type SigningSecret = { encryptKey: string } | { verificationToken: string } | undefined;

/** A body, decrypted and parsed. */
interface OpenedBody {
  text: string;
  json: JsonObject;
}

/**
 * Verifies, decrypts and parses a request of the platform.
 *
 * With an Encrypt Key set, every unsigned request gets the same error, whatever its body decrypts to, except a valid URL
 * verification. Only the error's `reason`, for the log, tells one from another.
 *
 * @param now milliseconds since the epoch
 * @throws {FeishuError} with status 400 or 401 when the request is rejected; the message says what to check
 */
export function readRequest(request: WebhookRequest, secrets: WebhookSecrets, now: number): WebhookDelivery {
  // The signature comes first: it is cheaper than parsing, and a forged body then reaches no parser.
  const { proof, flaw } = checkSignature(request, secrets);
  const hasEncryptKey = secrets.encryptKeys.length > 0;
  if (hasEncryptKey && proof === undefined) return readUnsigned(request.body, flaw, secrets);
  const isTokenSigned = proof !== undefined && 'verificationToken' in proof;
  const opened = hasEncryptKey && isTokenSigned ? openOldCard(request.body) : openBody(request.body, proof);
  const envelope = readEnvelope(opened.json);
  if (envelope.kind === 'url-verification') {
    checkToken(envelope.token, secrets);
    return { kind: 'url-verification', challenge: envelope.challenge };
  }
  // The token of an old card is the one to update the card with: only a signature authenticates it.
  if (envelope.header.type !== OLD_CARD_TYPE) checkToken(envelope.token, secrets);
  else if (proof === undefined) throw unsignedOldCard(flaw);
  if (proof !== undefined) checkAge(request, envelope, now);
  return { kind: 'event', envelope, text: opened.text };
}

/**
 * Writes a request as the platform does, for tests and for sending samples: the counterpart of {@link readRequest}.
 *
 * @param text the event's JSON
 * @param secret an Encrypt Key encrypts and signs; a Verification Token signs a plain body, as of the old card callback;
 *   without a secret the body is plain and unsigned
 * @param now milliseconds since the epoch
 */
export function writeRequest(text: string, secret: SigningSecret, now: number): WebhookRequest {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  if (secret === undefined) return { headers, body: Buffer.from(text) };
  const isEncrypted = 'encryptKey' in secret;
  const body = Buffer.from(isEncrypted ? JSON.stringify({ encrypt: encrypt(text, secret.encryptKey) }) : text);
  const signed = { timestamp: Math.floor(now / 1000).toString(), nonce: randomBytes(8).toString('hex'), body };
  const signature = isEncrypted ? sign(signed, secret.encryptKey) : sign(signed, secret.verificationToken, 'sha1');
  return {
    headers: {
      ...headers,
      'x-lark-request-timestamp': signed.timestamp,
      'x-lark-request-nonce': signed.nonce,
      'x-lark-signature': signature,
    },
    body,
  };
}

/** @returns the secret that fits the signature, or else why the request counts as unsigned */
function checkSignature(
  { headers, body }: WebhookRequest,
  { encryptKeys, verificationTokens }: WebhookSecrets,
): { proof: SigningSecret; flaw: string } {
  const unsigned = (flaw: string) => ({ proof: undefined, flaw });
  const signature = headers['x-lark-signature'];
  if (signature === undefined) return unsigned('The header X-Lark-Signature is missing');
  if (!SIGNATURE.test(signature)) return unsigned('The header X-Lark-Signature is not a hexadecimal digest');
  const timestamp = headers['x-lark-request-timestamp'];
  if (timestamp === undefined) return unsigned('The header X-Lark-Request-Timestamp is missing');
  const nonce = headers['x-lark-request-nonce'];
  if (nonce === undefined) return unsigned('The header X-Lark-Request-Nonce is missing');
  // A SHA-1 digest has 40 characters: the old card callback, signed with the Verification Token.
  const isSha1 = signature.length === 40;
  const [algorithm, candidates, name] = isSha1
    ? (['sha1', verificationTokens, 'FEISHU_VERIFICATION_TOKEN'] as const)
    : (['sha256', encryptKeys, 'FEISHU_ENCRYPT_KEY'] as const);
  if (candidates.length === 0) return unsigned(`${name}, which X-Lark-Signature is made with, is not set`);
  const signed: SignedRequest = { timestamp, nonce, body };
  // All candidates are tried, so that the time does not tell which one fits.
  const [secret] = candidates.filter((candidate) => verify(signed, signature, candidate, algorithm));
  if (secret === undefined) {
    throw new FeishuError(
      'FEISHU_SIGNATURE_WRONG',
      `X-Lark-Signature does not match the body. Is ${name} the one of this app's developer console, and does the raw body arrive unchanged?`,
    );
  }
  // Stryker disable next-line StringLiteral: a signed request has no flaw, and nothing reads it
  return { proof: isSha1 ? { verificationToken: secret } : { encryptKey: secret }, flaw: '' };
}

/** @param flaw why the request counts as unsigned */
function readUnsigned(body: Buffer, flaw: string, secrets: WebhookSecrets): WebhookDelivery {
  const verification = readEncryptedUrlVerification(body, secrets.encryptKeys, (token) =>
    isExpectedToken(token, secrets),
  );
  if (verification.challenge === undefined) throw unauthenticated(`${flaw}, and ${verification.reason}.`);
  return { kind: 'url-verification', challenge: verification.challenge };
}

/**
 * With an Encrypt Key set, old card callbacks still come plain, signed with the Verification Token. An encrypted body
 * with that signature is not decrypted: the Verification Token must not be enough to try ciphertexts.
 */
function openOldCard(body: Buffer): OpenedBody {
  const text = body.toString('utf8');
  const json = isUtf8(body) ? tryParseJsonObject(text) : undefined;
  if (json !== undefined && isOldCard(json)) return { text, json };
  throw unauthenticated(
    'X-Lark-Signature is made with the Verification Token, which is only valid for a plain old card callback.',
  );
}

/** @param proof of a request that may be specific about what is wrong: it is signed, or there is nothing to decrypt */
function openBody(body: Buffer, proof: SigningSecret): OpenedBody {
  if (body.length === 0) {
    throw new FeishuError(
      'FEISHU_BODY_EMPTY',
      'The body is empty. The platform sends events as POST with a JSON body.',
    );
  }
  if (!isUtf8(body)) throw new FeishuError('FEISHU_BODY_NOT_JSON', 'The body is not UTF-8, so it is not JSON.');
  const opened = parse(body.toString('utf8'));
  const encryptKey = proof !== undefined && 'encryptKey' in proof ? proof.encryptKey : undefined;
  const { encrypt: encrypted } = opened.json;
  if (typeof encrypted !== 'string') {
    if (encryptKey === undefined || isOldCard(opened.json)) return opened;
    throw new FeishuError(
      'FEISHU_BODY_NOT_ENCRYPTED',
      'The body is plain although FEISHU_ENCRYPT_KEY is set. Is the Encrypt Key saved in the developer console too?',
    );
  }
  if (encryptKey === undefined) {
    throw new FeishuError(
      'FEISHU_ENCRYPT_KEY_MISSING',
      'The body is encrypted, but FEISHU_ENCRYPT_KEY is not set. Copy the Encrypt Key from the developer console.',
    );
  }
  return parse(decrypt(encrypted, encryptKey));
}

function parse(text: string): OpenedBody {
  return { text, json: parseJsonObject(text) };
}

function checkToken(token: string | undefined, secrets: WebhookSecrets): void {
  if (isExpectedToken(token, secrets)) return;
  throw new FeishuError(
    'FEISHU_TOKEN_WRONG',
    "The token in the body is not FEISHU_VERIFICATION_TOKEN. Is it the Verification Token of this app's developer console?",
  );
}

/** Without a Verification Token set, every token is. */
function isExpectedToken(token: string | undefined, { verificationTokens }: WebhookSecrets): boolean {
  if (verificationTokens.length === 0) return true;
  // Stryker disable next-line StringLiteral: a missing token is any text that is not the expected one
  const matches = verificationTokens.filter((expected) => isSameSecret(token ?? '', expected));
  return matches.length > 0;
}

/** Compares the digests, which have the same length whatever is compared, in constant time. */
function isSameSecret(actual: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(actual), digest(expected));
}

function checkAge(request: WebhookRequest, { kind }: EventEnvelope, now: number): void {
  const { 'x-lark-request-timestamp': timestamp, 'x-lark-request-nonce': nonce } = request.headers;
  const signedAt = parseSigningTime(`${timestamp}${nonce}`);
  const maximumSeconds = kind === 'callback' ? MAXIMUM_CALLBACK_AGE_SECONDS : MAXIMUM_EVENT_AGE_SECONDS;
  if (signedAt === undefined || now - signedAt <= maximumSeconds * 1000) return;
  throw new FeishuError(
    'FEISHU_REQUEST_TOO_OLD',
    `X-Lark-Request-Timestamp is more than ${maximumSeconds} seconds ago. Is it a replay, or is a clock wrong?`,
  );
}

/**
 * With an Encrypt Key set, the one response to what is unsigned and not a valid URL verification. Its status, code and
 * text never depend on the request.
 *
 * @param reason for the log
 */
function unauthenticated(reason: string): FeishuError {
  return new FeishuError(
    'FEISHU_SIGNATURE_MISSING',
    'The request has no valid X-Lark-Signature. Are FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN those of this ' +
      "app's developer console, is the Encrypt Key saved there, and do all headers arrive? The function's log names the reason.",
    { reason },
  );
}

function unsignedOldCard(flaw: string): FeishuError {
  return new FeishuError('FEISHU_SIGNATURE_MISSING', `The old card callback is not signed. ${flaw}.`);
}
