import { isIPv4 } from 'node:net';
import { LongConnectionError } from './errors.ts';

/**
 * Checks that a URL is encrypted, because discovery sends the app secret and the connection carries all events.
 * Loopback addresses may be unencrypted.
 *
 * @param secureProtocol `https:` for discovery, `wss:` for the connection
 * @throws {LongConnectionError} `FEISHU_ADDRESS_INSECURE` if the URL is not encrypted
 */
export function requireSecure(url: URL, secureProtocol: 'https:' | 'wss:'): void {
  const plainProtocol = secureProtocol === 'https:' ? 'http:' : 'ws:';
  if (url.protocol === secureProtocol) return;
  if (url.protocol === plainProtocol && isLoopback(url.hostname)) return;
  throw new LongConnectionError(
    'FEISHU_ADDRESS_INSECURE',
    `${url.protocol}//${url.host} is not secure: it must use ${secureProtocol}//. Only loopback addresses may use ${plainProtocol}//. Is FEISHU_DOMAIN correct?`,
  );
}

/** Checks only the name: another name that resolves to this machine is not a loopback address. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/** Formats a URL for the log, without its query, which contains the ticket. */
export function withoutQuery(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
