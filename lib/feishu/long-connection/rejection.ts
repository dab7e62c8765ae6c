import type { IncomingHttpHeaders } from 'node:http';
import { LongConnectionError } from './errors.ts';

const FORBIDDEN = 403;
const AUTHENTICATION_FAILED = 514;
const NO_CREDENTIAL = 1000040344;
const TOO_MANY_CONNECTIONS = 1000040350;

/**
 * Tells what a code of the platform means, be it from the discovery's reply or from a refused upgrade.
 *
 * A code that is not known is worth another try: 1000040345, say, is undocumented and has been seen with the
 * message "system busy".
 *
 * @param platformMessage the platform's own words; they are cut short
 */
export function explainRejection(code: number, platformMessage: string): LongConnectionError {
  const said = `the platform said ${code} "${platformMessage.slice(0, 200)}"`;
  switch (code) {
    case FORBIDDEN:
      return new LongConnectionError(
        'FEISHU_LOGIN_REFUSED',
        `The long connection is forbidden (${said}). It is for self-built apps alone: is this one, and is it enabled?`,
      );
    case AUTHENTICATION_FAILED:
    case NO_CREDENTIAL:
      return new LongConnectionError(
        'FEISHU_LOGIN_REFUSED',
        `The app cannot log in (${said}). Are FEISHU_APP_ID and FEISHU_APP_SECRET those of the developer console, and does FEISHU_DOMAIN fit the app (Feishu or Lark)?`,
      );
    case TOO_MANY_CONNECTIONS:
      return new LongConnectionError(
        'FEISHU_TOO_MANY_CONNECTIONS',
        `The app has too many connections, at most 50 are allowed (${said}). Stop some: until then this one waits.`,
      );
    default:
      return new LongConnectionError('FEISHU_CONNECTION_FAILED', `No connection for now: ${said}.`);
  }
}

/**
 * Explains a refused upgrade. `Handshake-Status` says 514 for too many connections as well, and only
 * `Handshake-Autherrcode` tells them apart: it goes first.
 *
 * @param httpStatus of the response, all there is when something before the platform refused
 */
export function explainRejectedUpgrade(httpStatus: number, headers: IncomingHttpHeaders): LongConnectionError {
  const code = Number(headers['handshake-autherrcode']) || Number(headers['handshake-status']);
  if (!code) {
    return new LongConnectionError('FEISHU_CONNECTION_FAILED', `The upgrade was answered with HTTP ${httpStatus}.`);
  }
  return explainRejection(code, String(headers['handshake-msg'] ?? ''));
}
