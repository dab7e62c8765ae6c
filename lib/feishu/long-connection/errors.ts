/** How the client proceeds after each error. */
export const CONSEQUENCE = {
  /** The platform rejects the app, so retrying cannot help. */
  FEISHU_LOGIN_REFUSED: 'give up',
  FEISHU_ADDRESS_INSECURE: 'give up',
  FEISHU_TOO_MANY_CONNECTIONS: 'wait',
  FEISHU_CONNECTION_FAILED: 'retry',
  /** A single message is invalid; the connection stays open. */
  FEISHU_FRAME_INVALID: 'continue',
  FEISHU_FRAME_TYPE_UNKNOWN: 'continue',
  FEISHU_PAYLOAD_ENCODING_UNKNOWN: 'continue',
  FEISHU_FRAGMENT_REFUSED: 'continue',
} as const;

export type LongConnectionErrorCode = keyof typeof CONSEQUENCE;

/** A failure of the long connection. The message never contains a secret, the URL's ticket or a payload. */
export class LongConnectionError extends Error {
  override readonly name = 'LongConnectionError';
  readonly code: LongConnectionErrorCode;

  constructor(code: LongConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get consequence(): (typeof CONSEQUENCE)[LongConnectionErrorCode] {
    return CONSEQUENCE[this.code];
  }
}

/** Describes a network error. If several addresses failed, Node provides a code and an empty message. */
export function describeNetworkError(error: Error): string {
  return error.message || String('code' in error ? error.code : error.name);
}
