/** What becomes of the connection after each error. */
export const CONSEQUENCE = {
  /** The platform does not want this app: asking again cannot help. */
  FEISHU_LOGIN_REFUSED: 'give up',
  FEISHU_ADDRESS_INSECURE: 'give up',
  FEISHU_TOO_MANY_CONNECTIONS: 'wait',
  FEISHU_CONNECTION_FAILED: 'try again',
  /** One message is not understood; the connection stays. */
  FEISHU_FRAME_INVALID: 'go on',
  FEISHU_FRAME_TYPE_UNKNOWN: 'go on',
  FEISHU_FRAGMENT_REFUSED: 'go on',
} as const;

export type LongConnectionErrorCode = keyof typeof CONSEQUENCE;

/** Something about the long connection failed. The message never holds a secret, the URL's ticket or a payload. */
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

/** What went wrong with the network: when several addresses failed, Node gives a code and an empty message. */
export function describeNetworkError(error: Error): string {
  return error.message || String('code' in error ? error.code : error.name);
}
