/**
 * The HTTP status of the response for each error code.
 *
 * The code is also a log field, a metric dimension and an anchor in docs/error-codes.md.
 */
export const ERROR_STATUS = {
  FEISHU_BODY_EMPTY: 400,
  FEISHU_BODY_NOT_JSON: 400,
  FEISHU_BODY_NOT_DECRYPTABLE: 400,
  FEISHU_ENCRYPT_KEY_MISSING: 400,
  FEISHU_ENVELOPE_UNKNOWN: 400,
  FEISHU_SIGNATURE_MISSING: 401,
  FEISHU_SIGNATURE_WRONG: 401,
  FEISHU_TOKEN_WRONG: 401,
  FEISHU_REQUEST_TOO_OLD: 401,
  FEISHU_BODY_NOT_ENCRYPTED: 401,
  // The event is stored in S3.
  FEISHU_EVENT_TOO_LARGE: 200,
  FEISHU_INTERNAL_ERROR: 500,
  FEISHU_MISCONFIGURED: 500,
  FEISHU_QUEUE_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface FeishuErrorOptions extends ErrorOptions {
  /** The reason to log if the response must not reveal it. Default: the message. */
  reason?: string;
}

/** Rejects a request. The message says what to check and never contains a secret, a body or a signature. */
export class FeishuError extends Error {
  override readonly name = 'FeishuError';
  readonly code: ErrorCode;
  readonly status: number;
  /** For the log. Contains no secrets either. */
  readonly reason: string;

  /** @param message is sent in the response */
  constructor(code: ErrorCode, message: string, { reason = message, ...options }: FeishuErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = ERROR_STATUS[code];
    this.reason = reason;
  }
}
