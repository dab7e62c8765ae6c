import { isObject } from '../feishu/envelope.ts';
import { responseData } from '../observability/response-data.ts';

/**
 * What to do about errors of the message APIs.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/reply
 */
const ADVICE: Readonly<Record<number, string>> = {
  230001: 'Check the parameters of the call.',
  230002: 'Add the bot to the chat.',
  230006: 'Add the bot capability to the app in the developer console, and publish a version.',
  230011: 'The message was recalled.',
  230013: 'Add the user to the availability of the app.',
  200750: 'The card is older than 14 days.',
  200860: 'The card is larger than 30 KB.',
  230020: 'The chat or user receives more than 5 messages per second.',
  230025: 'The message is too long.',
  230072: 'The message was edited 20 times, which is the limit.',
  230099: 'The platform cannot show the card: check its JSON and the number of its elements and tables.',
  300305: 'The card has more than 200 elements.',
  230110: 'The message was recalled.',
  99991400: 'The app makes more calls than the platform allows.',
  99991663: 'Check FEISHU_APP_ID and FEISHU_APP_SECRET.',
  99991672: 'Add the scope to the app in the developer console, and publish a version.',
};

/** A call that the platform rejected. */
export class FeishuApiError extends Error {
  override readonly name = 'FeishuApiError';
  /** The platform's error code, for example 230002. */
  readonly code: number;

  constructor(call: string, response: Record<string, unknown>, options?: ErrorOptions) {
    const code = Number(response.code);
    const advice = ADVICE[code];
    const scopes = scopesOf(response);
    const parts = [
      `Feishu rejected ${call} with ${code}: ${String(response.msg ?? 'no message')}.`,
      ...(advice === undefined ? [] : [advice]),
      ...(scopes.length === 0 ? [] : [`Missing scopes: ${scopes.join(', ')}.`]),
    ];
    super(parts.join(' '), options);
    this.code = code;
  }
}

/**
 * Makes a call of the official SDK's client. The SDK throws if the status is not 200, and otherwise returns the code.
 *
 * @param name the method, for error messages
 * @returns the response's `data`
 * @throws {FeishuApiError} if the platform rejects the call
 */
export async function callApi<Data>(
  name: string,
  call: () => Promise<{ code?: number | undefined; msg?: string | undefined; data?: Data | undefined } | undefined>,
): Promise<Data> {
  const response = await call().catch((error: unknown) => {
    const body = responseData(error);
    throw typeof body.code === 'number' ? new FeishuApiError(name, body, { cause: error }) : error;
  });
  if (response === undefined) throw new Error(`Feishu did not respond to ${name}`);
  if (response.code !== undefined && response.code !== 0) throw new FeishuApiError(name, response);
  return response.data ?? ({} as Data);
}

/** The response to a call without a scope lists the scopes of which the app needs one. */
function scopesOf({ error }: Record<string, unknown>): string[] {
  const violations = isObject(error) ? error.permission_violations : undefined;
  if (!Array.isArray(violations)) return [];
  return violations.flatMap((violation) =>
    isObject(violation) && typeof violation.subject === 'string' ? [violation.subject] : [],
  );
}
