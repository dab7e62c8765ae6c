/// <reference path="./proxy-from-env.d.ts" />
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { getProxyForUrl } from 'proxy-from-env';

/** How to reach a URL: directly or through a proxy. */
export interface Route {
  agent: HttpAgent;
  /**
   * Completes the reason of a failure: `, through the proxy proxy.example.com:3128 set in HTTPS_PROXY`, or nothing. Contains
   * no credentials.
   */
  via: string;
}

/** The proxy for a protocol. */
interface ProxySetting {
  /** May contain credentials. */
  url: URL;
  /** The variable that it is set in. */
  variable: string;
}

/** The value of a proxy variable cannot be used. The message names the variable but not the value, which may be secret. */
export class ProxySettingError extends Error {
  override readonly name = 'ProxySettingError';
}

const TUNNEL_WITHIN_MS = 15_000;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Chooses the route to a URL according to `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; the
 * lower case takes precedence. Loopback addresses are always reached directly, whatever the variables say.
 *
 * @param url an `http:`, `https:`, `ws:` or `wss:` URL
 * @param tunnelWithinMs how long a proxy may take to connect to an encrypted URL. An aborted request cannot close such a
 *   connection, so it stays open for this time.
 * @throws {ProxySettingError} if the variable is not the URL of an HTTP proxy, or has an invalid user name or password
 */
export function routeTo(url: URL, tunnelWithinMs = TUNNEL_WITHIN_MS): Route {
  const target = new URL(url.href.replace(/^ws/, 'http'));
  const proxy = isExempt(target) ? undefined : readProxySetting(target.protocol);
  const Agent = target.protocol === 'https:' ? HttpsAgent : HttpAgent;
  // An empty object if direct, because an agent without this option may use the variables (`NODE_USE_ENV_PROXY`).
  if (proxy === undefined) return { agent: new Agent({ proxyEnv: {} }), via: '' };
  const { href, host } = proxy.url;
  const agent = new Agent({ proxyEnv: { https_proxy: href, http_proxy: href }, timeout: tunnelWithinMs });
  // An error of the official SDK contains the agent. Its JSON must not contain the proxy's password.
  Object.defineProperty(Reflect.get(agent, 'options'), 'proxyEnv', { enumerable: false });
  return { agent, via: `, through the proxy ${host} set in ${proxy.variable}` };
}

/** Returns whether a URL must be reached directly although a proxy is set: it is a loopback address or in `NO_PROXY`. */
export function isExempt(url: URL): boolean {
  return isLoopback(url.hostname) || (findVariable(url.protocol) !== undefined && getProxyForUrl(url) === '');
}

/**
 * Returns the proxy for `http:` or `https:`, if one is set. Like curl, takes an address without a scheme for an HTTP
 * proxy.
 *
 * @throws {ProxySettingError} if the variable is not the URL of an HTTP proxy, or has an invalid user name or password
 */
export function readProxySetting(protocol: string): ProxySetting | undefined {
  const variable = findVariable(protocol);
  if (variable === undefined) return undefined;
  const value = process.env[variable] ?? '';
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ProxySettingError(
      `${variable} is not the URL of an HTTP proxy, such as http://proxy.example.com:3128. SOCKS proxies are not supported`,
    );
  }
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    throw new ProxySettingError(`${variable} contains a % in its user name or password that is not written as %25`);
  }
  return { url, variable };
}

/** Searches in the order of `getProxyForUrl`. */
function findVariable(protocol: string): string | undefined {
  const names = [`${protocol.slice(0, -1)}_proxy`, 'all_proxy'];
  return names.flatMap((name) => [name, name.toUpperCase()]).find((name) => process.env[name]);
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|[\].]$/g, '');
  const version = isIP(host);
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost');
  return LOOPBACK.check(host, version === 6 ? 'ipv6' : 'ipv4');
}
