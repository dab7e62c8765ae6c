/** An error of the platform, with the code that its API documents. */
export class PlatformError extends Error {
  readonly code: number;
  /** The HTTP status. */
  readonly status: number;

  constructor(code: number, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** @see https://open.feishu.cn/document/server-docs/im-v1/message/create */
export function invalidParameter(reason: string): PlatformError {
  return new PlatformError(230001, `Your request contains an invalid request parameter, ext=${reason}`);
}
