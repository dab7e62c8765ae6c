import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { decrypt, encrypt } from './cipher.ts';
import {
  asText,
  CALLBACK_TYPES,
  type Envelope,
  type EventEnvelope,
  isObject,
  isOldCard,
  type JsonObject,
  OLD_CARD_TYPE,
  parseJsonObject,
  readEnvelope,
  tryParseJsonObject,
} from './envelope.ts';
import { FeishuError } from './errors.ts';
import { isSameSecret } from './same-secret.ts';
import { type SignedRequest, sign, verify } from './signature.ts';
import { parseSigningTime } from './timestamp.ts';
import { readEncryptedUrlVerification } from './url-verification.ts';

/** An HTTP POST from the platform. Header names are in lower case, the body is unchanged. */
export interface WebhookRequest {
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
}

/** The secrets from the app's developer console. Each may have several values while it is being rotated. */
export interface WebhookSecrets {
  encryptKeys: readonly string[];
  verificationTokens: readonly string[];
}

export type WebhookDelivery =
  | { kind: 'url-verification'; challenge: string }
  /** `text`: the decrypted JSON exactly as received, with integers above 2^53 and unknown fields intact. */
  | { kind: 'event'; envelope: EventEnvelope; text: string }
  /** An authentic event that {@link parseEnvelope} rejects with `problem`. */
  | { kind: 'unreadable'; problem: FeishuError; text: string };

/** Users report redeliveries after up to 72 hours. Later ones are rejected, so that no replay outlives its record. */
export const MAXIMUM_EVENT_AGE_SECONDS = 72 * 60 * 60;
/** The platform never resends a callback, so an old one is a replay. */
export const MAXIMUM_CALLBACK_AGE_SECONDS = 5 * 60;

/** A hexadecimal SHA-256 digest, or a SHA-1 digest for the old card callback. */
const SIGNATURE = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The secret that a request is signed with. `undefined` if it is unsigned. */
export type SigningSecret = { encryptKey: string } | { verificationToken: string } | undefined;

/** A decrypted body. */
interface OpenedBody {
  text: string;
  /** `undefined` if the text is not parsed yet. */
  json?: JsonObject;
}

/**
 * Verifies, decrypts and parses a request from the platform.
 *
 * If an Encrypt Key is set, every unsigned request except a valid URL verification gets the same error, whatever its
 * body decrypts to. Only the error's `reason`, which is for the log, differs.
 *
 * @param now milliseconds since the epoch
 * @param callbackTypes the types that are callbacks, which are rejected earlier than events
 * @throws {FeishuError} with status 400 or 401 if the request is rejected; the message says what to check
 */
export function readRequest(
  request: WebhookRequest,
  secrets: WebhookSecrets,
  now: number,
  callbackTypes = CALLBACK_TYPES,
): WebhookDelivery {
  // The signature is checked first: it is cheaper than parsing, and a forged body never reaches the parser.
  const { signingSecret, problem } = checkSignature(request, secrets);
  const hasEncryptKey = secrets.encryptKeys.length > 0;
  if (hasEncryptKey && signingSecret === undefined) return readUnsigned(request.body, problem, secrets);
  const isTokenSigned = signingSecret !== undefined && 'verificationToken' in signingSecret;
  const opened = hasEncryptKey && isTokenSigned ? openOldCard(request.body) : openBody(request.body, signingSecret);
  let envelope: Envelope;
  try {
    envelope = readEnvelope(opened.json ?? parseJsonObject(opened.text), callbackTypes);
  } catch (error) {
    if (!(error instanceof FeishuError && isAuthentic(opened.json, signingSecret, secrets))) throw error;
    if (signingSecret !== undefined) checkAge(request, MAXIMUM_EVENT_AGE_SECONDS, now);
    return { kind: 'unreadable', problem: error, text: opened.text };
  }
  if (envelope.kind === 'url-verification') {
    checkToken(envelope.token, secrets);
    return { kind: 'url-verification', challenge: envelope.challenge };
  }
  // An old card's token is for updating the card, so only a signature authenticates the callback.
  if (envelope.header.type !== OLD_CARD_TYPE) checkToken(envelope.token, secrets);
  else if (signingSecret === undefined) throw unsignedOldCard(problem);
  const maximumSeconds = envelope.kind === 'callback' ? MAXIMUM_CALLBACK_AGE_SECONDS : MAXIMUM_EVENT_AGE_SECONDS;
  if (signingSecret !== undefined) checkAge(request, maximumSeconds, now);
  return { kind: 'event', envelope, text: opened.text };
}

/**
 * Writes a request the way the platform does, for tests and samples: the counterpart of {@link readRequest}.
 *
 * @param text the event's JSON
 * @param secret an Encrypt Key encrypts and signs; a Verification Token signs a plain body, like an old card callback;
 *   `undefined` leaves the body plain and unsigned
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

/** @returns the secret that the request is signed with, or why it counts as unsigned */
function checkSignature(
  { headers, body }: WebhookRequest,
  { encryptKeys, verificationTokens }: WebhookSecrets,
): { signingSecret: SigningSecret; problem: string } {
  const unsigned = (problem: string) => ({ signingSecret: undefined, problem });
  const signature = headers['x-lark-signature'];
  if (signature === undefined) return unsigned('The header X-Lark-Signature is missing');
  if (!SIGNATURE.test(signature)) return unsigned('The header X-Lark-Signature is not a hexadecimal digest');
  const timestamp = headers['x-lark-request-timestamp'];
  if (timestamp === undefined) return unsigned('The header X-Lark-Request-Timestamp is missing');
  const nonce = headers['x-lark-request-nonce'];
  if (nonce === undefined) return unsigned('The header X-Lark-Request-Nonce is missing');
  // Only the old card callback, signed with the Verification Token, has a SHA-1 digest (40 characters).
  const isSha1 = signature.length === 40;
  const [algorithm, candidates, name] = isSha1
    ? (['sha1', verificationTokens, 'FEISHU_VERIFICATION_TOKEN'] as const)
    : (['sha256', encryptKeys, 'FEISHU_ENCRYPT_KEY'] as const);
  if (candidates.length === 0) return unsigned(`X-Lark-Signature is made with ${name}, which is not set`);
  const signed: SignedRequest = { timestamp, nonce, body };
  // Tries every candidate, so that the time does not reveal which one matches.
  const [secret] = candidates.filter((candidate) => verify(signed, signature, candidate, algorithm));
  if (secret === undefined) {
    throw new FeishuError(
      'FEISHU_SIGNATURE_WRONG',
      `X-Lark-Signature does not match the body. Is ${name} the value in this app's developer console, and does the raw body arrive unchanged?`,
    );
  }
  // Stryker disable next-line StringLiteral: a signed request has no problem, and nothing reads it
  return { signingSecret: isSha1 ? { verificationToken: secret } : { encryptKey: secret }, problem: '' };
}

/** @param problem why the request counts as unsigned */
function readUnsigned(body: Buffer, problem: string, secrets: WebhookSecrets): WebhookDelivery {
  const verification = readEncryptedUrlVerification(body, secrets.encryptKeys, (token) =>
    isExpectedToken(token, secrets),
  );
  if (verification.challenge === undefined) throw unauthenticated(`${problem}, and ${verification.reason}.`);
  return { kind: 'url-verification', challenge: verification.challenge };
}

/**
 * Even if an Encrypt Key is set, old card callbacks are plain and signed with the Verification Token. An encrypted body
 * with that signature is not decrypted: the Verification Token must not be enough to test ciphertexts.
 */
function openOldCard(body: Buffer): OpenedBody {
  const text = body.toString('utf8');
  const json = isUtf8(body) ? tryParseJsonObject(text) : undefined;
  if (json !== undefined && isOldCard(json)) return { text, json };
  throw unauthenticated(
    'X-Lark-Signature is made with the Verification Token, which is valid only for an unencrypted old card callback.',
  );
}

/** Throws specific errors, because the request is signed or there is nothing to decrypt. */
function openBody(body: Buffer, signingSecret: SigningSecret): OpenedBody {
  if (body.length === 0) {
    throw new FeishuError(
      'FEISHU_BODY_EMPTY',
      'The body is empty. The platform sends events as POST requests with a JSON body.',
    );
  }
  if (!isUtf8(body)) throw new FeishuError('FEISHU_BODY_NOT_JSON', 'The body is not valid UTF-8, so it is not JSON.');
  const text = body.toString('utf8');
  const json = parseJsonObject(text);
  const encryptKey =
    signingSecret !== undefined && 'encryptKey' in signingSecret ? signingSecret.encryptKey : undefined;
  const { encrypt: encrypted } = json;
  if (typeof encrypted !== 'string') {
    if (encryptKey === undefined || isOldCard(json)) return { text, json };
    throw new FeishuError(
      'FEISHU_BODY_NOT_ENCRYPTED',
      'The body is not encrypted, but FEISHU_ENCRYPT_KEY is set. Is the Encrypt Key saved in the developer console?',
    );
  }
  if (encryptKey === undefined) {
    throw new FeishuError(
      'FEISHU_ENCRYPT_KEY_MISSING',
      'The body is encrypted, but FEISHU_ENCRYPT_KEY is not set. Copy the Encrypt Key from the developer console.',
    );
  }
  return { text: decrypt(encrypted, encryptKey) };
}

function checkToken(token: string | undefined, secrets: WebhookSecrets): void {
  if (isExpectedToken(token, secrets)) return;
  throw new FeishuError(
    'FEISHU_TOKEN_WRONG',
    "The token in the body differs from FEISHU_VERIFICATION_TOKEN. Is that the Verification Token in this app's developer console?",
  );
}

/** Accepts every token if no Verification Token is set. */
function isExpectedToken(token: string | undefined, { verificationTokens }: WebhookSecrets): boolean {
  if (verificationTokens.length === 0) return true;
  // Stryker disable next-line StringLiteral: a missing token is any text that is not the expected one
  const matches = verificationTokens.filter((expected) => isSameSecret(token ?? '', expected));
  return matches.length > 0;
}

/**
 * Returns whether a body that is not a known envelope is from the platform: it is signed, or contains the Verification
 * Token where one of the known envelopes does.
 */
function isAuthentic(json: JsonObject = {}, signingSecret: SigningSecret, secrets: WebhookSecrets): boolean {
  if (signingSecret !== undefined) return true;
  const token = (isObject(json.header) && asText(json.header.token)) || asText(json.token);
  return token !== undefined && isExpectedToken(token, secrets);
}

function checkAge(request: WebhookRequest, maximumSeconds: number, now: number): void {
  const { 'x-lark-request-timestamp': timestamp, 'x-lark-request-nonce': nonce } = request.headers;
  const signedAt = parseSigningTime(`${timestamp}${nonce}`);
  if (signedAt === undefined || now - signedAt <= maximumSeconds * 1000) return;
  throw new FeishuError(
    'FEISHU_REQUEST_TOO_OLD',
    `X-Lark-Request-Timestamp is more than ${maximumSeconds} seconds ago. Is the request a replay, or a clock wrong?`,
  );
}

/**
 * Creates the error for every unsigned request except a valid URL verification, if an Encrypt Key is set. Its status,
 * code and message never depend on the request.
 *
 * @param reason for the log only
 */
function unauthenticated(reason: string): FeishuError {
  return new FeishuError(
    'FEISHU_SIGNATURE_MISSING',
    'The request has no valid X-Lark-Signature. Are FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN the values in ' +
      "this app's developer console, is the Encrypt Key saved there, and do all headers arrive? See the reason in the function's log.",
    { reason },
  );
}

function unsignedOldCard(problem: string): FeishuError {
  return new FeishuError('FEISHU_SIGNATURE_MISSING', `The old card callback is not signed. ${problem}.`);
}
