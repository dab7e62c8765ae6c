/**
 * Every reason a request is rejected for, with the HTTP status of the response.
 *
 * The code is also the log field, the metric's dimension and the anchor in docs/error-codes.md.
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
  FEISHU_EVENT_TOO_LARGE: 413,
  FEISHU_INTERNAL_ERROR: 500,
  FEISHU_MISCONFIGURED: 500,
  FEISHU_QUEUE_UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface FeishuErrorOptions extends ErrorOptions {
  /** What only the log may say, where the response must not tell one reason from another. Default: the message. */
  reason?: string;
}

/** A rejected request. Its message says what to check and never contains a secret, a body or a signature. */
export class FeishuError extends Error {
  override readonly name = 'FeishuError';
  readonly code: ErrorCode;
  readonly status: number;
  /** For the log; as free of secrets as the message. */
  readonly reason: string;

  /** @param message goes into the response */
  constructor(code: ErrorCode, message: string, { reason = message, ...options }: FeishuErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = ERROR_STATUS[code];
    this.reason = reason;
  }
}
