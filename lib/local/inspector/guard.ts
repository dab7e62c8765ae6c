import type { IncomingMessage } from 'node:http';
import { type HttpResponse, jsonResponse } from '../../webhook/http.ts';

/** Headers that tunnels and proxies add. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'cf-connecting-ip', 'via'];
const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/;
const LOOPBACK_NAME = /^(localhost|(.+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Restricts the inspector to browsers on this machine. Rejects requests from other machines, through tunnels and proxies
 * (a tunnel opened for the platform's requests also reaches the inspector), and from other sites, including DNS rebinding.
 *
 * @param host the host the gateway listens on
 * @returns the error response, or `undefined` if the request is allowed
 * @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function rejectForeignRequests(request: IncomingMessage, host: string): HttpResponse | undefined {
  const { headers, socket, method } = request;
  const { remoteAddress = '', localAddress } = socket;
  if (!LOOPBACK_ADDRESS.test(remoteAddress) && remoteAddress !== localAddress) {
    return forbidden('Open the inspector in a browser on the machine that runs npm start.');
  }
  const forwarding = FORWARDING_HEADERS.find((name) => name in headers);
  if (forwarding !== undefined) {
    return forbidden(
      `The inspector does not work through tunnels or proxies (the request has the header ${forwarding}).`,
    );
  }
  if (!isNameOfThisMachine(headers.host ?? '', host)) {
    return forbidden('The Host header does not name this machine. Use http://127.0.0.1 or http://localhost.');
  }
  const isReading = method === 'GET' || method === 'HEAD';
  const site = headers['sec-fetch-site'] ?? 'none';
  // Links from other sites may open the page: the linking site cannot read it.
  const isFollowedLink = isReading && headers['sec-fetch-mode'] === 'navigate';
  if (site !== 'same-origin' && site !== 'none' && !isFollowedLink) return forbidden('The request is cross-site.');
  if (isReading) return undefined;
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return forbidden('The request is cross-site.');
  }
  // Forms cannot send this content type, and scripts of other sites need a CORS preflight for it.
  const [contentType = ''] = (headers['content-type'] ?? '').split(';');
  if (contentType.trim().toLowerCase() === 'application/json') return undefined;
  return jsonResponse(415, { message: 'Unsupported Media Type: the content type must be application/json.' });
}

function isNameOfThisMachine(header: string, configuredHost: string): boolean {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  const configured = configuredHost.includes(':') ? `[${configuredHost}]` : configuredHost;
  return LOOPBACK_NAME.test(name) || name === configured.toLowerCase();
}

function forbidden(reason: string): HttpResponse {
  return jsonResponse(403, { message: `Forbidden. ${reason}` });
}
