import type { IncomingHttpHeaders } from 'node:http';
import { LongConnectionError } from './errors.ts';

/** The app may not use the long connection. */
export const FORBIDDEN = 403;
const AUTHENTICATION_FAILED = 514;
const NO_CREDENTIAL = 1000040344;
const TOO_MANY_CONNECTIONS = 1000040350;

/**
 * Explains an error code of the platform, from a discovery response or a rejected upgrade.
 *
 * Unknown codes are retried: 1000040345, for example, is undocumented and was seen with the message "system busy".
 *
 * @param platformMessage the platform's message; it is truncated
 */
export function explainRejection(code: number, platformMessage: string): LongConnectionError {
  const details = `the platform responded with ${code} "${platformMessage.slice(0, 200)}"`;
  switch (code) {
    case FORBIDDEN:
      return new LongConnectionError(
        'FEISHU_LOGIN_REFUSED',
        `The app may not use the long connection (${details}). Is it a custom app, and is it enabled?`,
      );
    case AUTHENTICATION_FAILED:
    case NO_CREDENTIAL:
      return new LongConnectionError(
        'FEISHU_LOGIN_REFUSED',
        `The app cannot log in (${details}). Are FEISHU_APP_ID and FEISHU_APP_SECRET the values in the developer console, and does FEISHU_DOMAIN match the app (Feishu or Lark)?`,
      );
    case TOO_MANY_CONNECTIONS:
      return new LongConnectionError(
        'FEISHU_TOO_MANY_CONNECTIONS',
        `The app has too many connections; at most 50 are allowed (${details}). Stop some of them: until then, this one keeps retrying.`,
      );
    default:
      return new LongConnectionError('FEISHU_CONNECTION_FAILED', `The platform rejected the connection: ${details}.`);
  }
}

/**
 * Explains a rejected upgrade. `Handshake-Autherrcode` takes precedence, because `Handshake-Status` is also 514 for too
 * many connections.
 *
 * @param httpStatus the only information if something in front of the platform rejected the upgrade
 */
export function explainRejectedUpgrade(httpStatus: number, headers: IncomingHttpHeaders): LongConnectionError {
  const code = Number(headers['handshake-autherrcode']) || Number(headers['handshake-status']);
  if (!code) {
    return new LongConnectionError('FEISHU_CONNECTION_FAILED', `The WebSocket upgrade failed with HTTP ${httpStatus}.`);
  }
  return explainRejection(code, String(headers['handshake-msg'] ?? ''));
}
