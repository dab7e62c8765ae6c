import type { IncomingMessage } from 'node:http';
import { type HttpResponse, jsonResponse } from '../../webhook/http.ts';

/** Set by what stands between the browser and here: a tunnel to the internet, a proxy. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'cf-connecting-ip', 'via'];
const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/;
const LOOPBACK_NAME = /^(localhost|(.+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Keeps everybody but a person at this machine away from what is in events: other machines, other sites' pages (cross-site
 * requests, and DNS rebinding, which makes a foreign name point here), and whoever comes through a tunnel that was opened for
 * the platform's requests.
 *
 * @param host what the gateway was told to listen on
 * @returns the refusal, if there is one
 * @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function rejectForeignRequests(request: IncomingMessage, host: string): HttpResponse | undefined {
  const { headers, socket, method } = request;
  const { remoteAddress = '', localAddress } = socket;
  if (!LOOPBACK_ADDRESS.test(remoteAddress) && remoteAddress !== localAddress) {
    return forbidden('It is for a browser on the machine that runs npm start.');
  }
  const forwarding = FORWARDING_HEADERS.find((name) => name in headers);
  if (forwarding !== undefined)
    return forbidden(`It is not for tunnels and proxies (there is a header ${forwarding}).`);
  if (!isNameOfThisMachine(headers.host ?? '', host)) {
    return forbidden('The Host header is no name of this machine. Open it as http://127.0.0.1 or http://localhost.');
  }
  const isReading = method === 'GET' || method === 'HEAD';
  const site = headers['sec-fetch-site'] ?? 'none';
  // A link from elsewhere may lead here: what it opens is not read by the page it was on.
  const isFollowedLink = isReading && headers['sec-fetch-mode'] === 'navigate';
  if (site !== 'same-origin' && site !== 'none' && !isFollowedLink) return forbidden('Another site has asked for it.');
  if (isReading) return undefined;
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return forbidden('Another site has sent it.');
  }
  // A form of another site could not send this type, and a script of one would have to ask before.
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
