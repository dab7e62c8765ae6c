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
} from './envelope.ts';
import { FeishuError } from './errors.ts';
import { type SignedRequest, sign, verify } from './signature.ts';
import { parseSigningTime } from './timestamp.ts';

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

/** Reports of re-deliveries go up to 72 hours. Nothing older is accepted, so that no replay outlives its claim. */
export const MAXIMUM_EVENT_AGE_SECONDS = 72 * 60 * 60;
/** Callbacks are never sent again, so that an old one is a replay. */
export const MAXIMUM_CALLBACK_AGE_SECONDS = 5 * 60;

/**
 * Of a body that no signature vouches for, where an Encrypt Key is set: only a URL verification may come unsigned then,
 * which has some 300 bytes. Whoever posts more makes nobody parse and decrypt it.
 */
const MAXIMUM_UNSIGNED_BYTES = 16 * 1024;

/** The secret that vouches for a request. `undefined`: it is unsigned, or nothing is set to check its signature with. */
export type Proof = { encryptKey: string } | { verificationToken: string } | undefined;

/**
 * Verifies, decrypts and parses a request of the platform.
 *
 * @param now milliseconds since the epoch
 * @throws {FeishuError} with status 400 or 401 when the request is refused; the message says what to look at
 */
export function readRequest(request: WebhookRequest, secrets: WebhookSecrets, now: number): WebhookDelivery {
  if (request.body.length === 0) {
    throw new FeishuError(
      'FEISHU_BODY_EMPTY',
      'The body is empty. The platform sends events as POST with a JSON body.',
    );
  }
  // The signature comes first: it is cheaper than parsing, and a forged body then reaches no parser.
  const proof = findProof(request, secrets);
  if (proof === undefined && secrets.encryptKeys.length > 0 && request.body.length > MAXIMUM_UNSIGNED_BYTES) {
    throw unsigned('X-Lark-Signature, made with the Encrypt Key, is missing');
  }
  const { text, json, wasEncrypted } = openBody(request.body, proof, secrets);
  if (!wasEncrypted && secrets.encryptKeys.length > 0 && !isOldCard(json)) throw notEncrypted();
  const envelope = readEnvelope(json);
  // A URL verification carries no signature; only its token and its encryption vouch for it.
  if (envelope.kind === 'url-verification') {
    checkToken(envelope.token, secrets);
    return { kind: 'url-verification', challenge: envelope.challenge };
  }
  if (envelope.header.type === OLD_CARD_TYPE) {
    if (proof === undefined) throw unsigned('an old card callback must be signed; is FEISHU_VERIFICATION_TOKEN set?');
  } else {
    if (secrets.encryptKeys.length > 0) requireEncryptKeyProof(proof);
    checkToken(envelope.token, secrets);
  }
  if (proof !== undefined) checkAge(request, envelope, now);
  return { kind: 'event', envelope, text };
}

/**
 * Writes a request as the platform does, for tests and for sending samples: the counterpart of {@link readRequest}.
 *
 * @param text the event's JSON
 * @param secret an Encrypt Key encrypts and signs; a Verification Token signs a plain body, as of the old card callback;
 *   without a secret the body is plain and unsigned
 * @param now milliseconds since the epoch
 */
export function writeRequest(text: string, secret: Proof, now: number): WebhookRequest {
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

function findProof(request: WebhookRequest, { encryptKeys, verificationTokens }: WebhookSecrets): Proof {
  const signature = request.headers['x-lark-signature'];
  if (signature === undefined) return undefined;
  // A SHA-1 in hexadecimal has 40 characters: the old card callback, signed with the Verification Token.
  const algorithm = signature.length === 40 ? 'sha1' : 'sha256';
  const candidates = algorithm === 'sha1' ? verificationTokens : encryptKeys;
  if (candidates.length === 0) return undefined;
  const signed = { ...signedHeaders(request), body: request.body };
  // All candidates are tried, so that the time does not tell which one fits.
  const [secret] = candidates.filter((candidate) => verify(signed, signature, candidate, algorithm));
  if (secret === undefined) {
    const name = algorithm === 'sha1' ? 'FEISHU_VERIFICATION_TOKEN' : 'FEISHU_ENCRYPT_KEY';
    throw new FeishuError(
      'FEISHU_SIGNATURE_WRONG',
      `X-Lark-Signature does not fit the body. Is ${name} the one of this app's developer console, and does the raw body arrive unchanged?`,
    );
  }
  return algorithm === 'sha1' ? { verificationToken: secret } : { encryptKey: secret };
}

function signedHeaders({ headers }: WebhookRequest): Omit<SignedRequest, 'body'> {
  const timestamp = headers['x-lark-request-timestamp'];
  const nonce = headers['x-lark-request-nonce'];
  if (timestamp === undefined) throw unsigned('the header X-Lark-Request-Timestamp is missing');
  if (nonce === undefined) throw unsigned('the header X-Lark-Request-Nonce is missing');
  return { timestamp, nonce };
}

function openBody(
  body: Buffer,
  proof: Proof,
  { encryptKeys }: WebhookSecrets,
): { text: string; json: JsonObject; wasEncrypted: boolean } {
  if (!isUtf8(body)) throw new FeishuError('FEISHU_BODY_NOT_JSON', 'The body is no UTF-8 text, so it is no JSON.');
  const text = body.toString('utf8');
  const json = parseJsonObject(text);
  if (typeof json.encrypt !== 'string') return { text, json, wasEncrypted: false };
  if (encryptKeys.length === 0) {
    throw new FeishuError(
      'FEISHU_ENCRYPT_KEY_MISSING',
      'The body is encrypted, but FEISHU_ENCRYPT_KEY is not set. Copy the Encrypt Key from the developer console.',
    );
  }
  if (proof !== undefined && 'encryptKey' in proof) {
    return { ...decryptWithFirstFitting(json.encrypt, [proof.encryptKey]), wasEncrypted: true };
  }
  return { ...decryptUnsigned(json.encrypt, encryptKeys), wasEncrypted: true };
}

/**
 * Anyone can send an unsigned body. Were its padding told from its content here, captured ciphertext could be decrypted
 * byte by byte (a padding oracle): the answer is the same for both, and the reason is for the log alone.
 */
function decryptUnsigned(encrypted: string, keys: readonly string[]): { text: string; json: JsonObject } {
  try {
    return decryptWithFirstFitting(encrypted, keys);
  } catch (cause) {
    throw new FeishuError(
      'FEISHU_BODY_NOT_DECRYPTABLE',
      "The body cannot be decrypted. Is FEISHU_ENCRYPT_KEY the Encrypt Key of this app's developer console? The log has more.",
      { cause },
    );
  }
}

/** A wrong key can decrypt to well-padded nonsense, so that only a parsed object proves the right one. */
function decryptWithFirstFitting(encrypted: string, keys: readonly string[]): { text: string; json: JsonObject } {
  let firstError: unknown;
  for (const key of keys) {
    try {
      const text = decrypt(encrypted, key);
      return { text, json: parseJsonObject(text) };
    } catch (error) {
      firstError ??= error;
    }
  }
  throw firstError;
}

function notEncrypted(): FeishuError {
  return new FeishuError(
    'FEISHU_BODY_NOT_ENCRYPTED',
    'The body is plain although FEISHU_ENCRYPT_KEY is set. Is the Encrypt Key saved in the developer console too?',
  );
}

function requireEncryptKeyProof(proof: Proof): void {
  if (proof === undefined) throw unsigned('X-Lark-Signature, made with the Encrypt Key, is missing');
  if ('encryptKey' in proof) return;
  throw new FeishuError(
    'FEISHU_SIGNATURE_WRONG',
    'X-Lark-Signature is made with the Verification Token, which only the old card callback may be.',
  );
}

function checkToken(token: string | undefined, { verificationTokens }: WebhookSecrets): void {
  if (verificationTokens.length === 0) return;
  const matches = verificationTokens.filter((expected) => isSameSecret(token ?? '', expected));
  if (matches.length > 0) return;
  throw new FeishuError(
    'FEISHU_TOKEN_WRONG',
    "The token in the body is not FEISHU_VERIFICATION_TOKEN. Is it the Verification Token of this app's developer console?",
  );
}

/** Compares the digests, which have the same length whatever is compared, in constant time. */
function isSameSecret(actual: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(actual), digest(expected));
}

function checkAge(request: WebhookRequest, { kind }: EventEnvelope, now: number): void {
  const { timestamp, nonce } = signedHeaders(request);
  const signedAt = parseSigningTime(timestamp + nonce);
  const maximumSeconds = kind === 'callback' ? MAXIMUM_CALLBACK_AGE_SECONDS : MAXIMUM_EVENT_AGE_SECONDS;
  if (signedAt === undefined || now - signedAt <= maximumSeconds * 1000) return;
  throw new FeishuError(
    'FEISHU_REQUEST_TOO_OLD',
    `X-Lark-Request-Timestamp is more than ${maximumSeconds} seconds ago. Is it a replay, or is a clock wrong?`,
  );
}

function unsigned(reason: string): FeishuError {
  return new FeishuError('FEISHU_SIGNATURE_MISSING', `The request is not signed: ${reason}.`);
}
