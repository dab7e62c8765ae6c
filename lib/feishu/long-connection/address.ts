import { isIPv4 } from 'node:net';
import { LongConnectionError } from './errors.ts';

/**
 * Checks that what is sent to a URL is encrypted: the app's secret goes to one, all events come from the other.
 * Addresses of this machine may be plain.
 *
 * @param url for discovery `https:`, for the connection `wss:`
 * @throws {LongConnectionError} `FEISHU_ADDRESS_INSECURE`
 */
export function requireSecure(url: URL, secureProtocol: 'https:' | 'wss:'): void {
  const plainProtocol = secureProtocol === 'https:' ? 'http:' : 'ws:';
  if (url.protocol === secureProtocol) return;
  if (url.protocol === plainProtocol && isLoopback(url.hostname)) return;
  throw new LongConnectionError(
    'FEISHU_ADDRESS_INSECURE',
    `${url.protocol}//${url.host} is refused: it must be ${secureProtocol}//, plain ${plainProtocol}// is for loopback addresses alone. Is FEISHU_DOMAIN right?`,
  );
}

/** Whether it is this machine, going by the name alone: a name that merely resolves to it does not count. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/** A URL as a log may show it: the query holds the ticket. */
export function withoutQuery(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
