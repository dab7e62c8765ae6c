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

/** The value of a proxy variable cannot be used. The message names the variable but not the value, which may be secret. */
export class ProxySettingError extends Error {
  override readonly name = 'ProxySettingError';
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Chooses the route to a URL according to `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; the
 * lower case takes precedence. Loopback addresses are always reached directly, whatever the variables say.
 *
 * @param url an `http:`, `https:`, `ws:` or `wss:` URL
 * @throws {ProxySettingError} if the variable is not the URL of an HTTP proxy
 */
export function routeTo(url: URL): Route {
  const target = new URL(url.href.replace(/^ws/, 'http'));
  const variable = isLoopback(target.hostname) || getProxyForUrl(target) === '' ? undefined : proxyVariable(target);
  const proxy = variable === undefined ? undefined : readProxy(variable);
  const Agent = target.protocol === 'https:' ? HttpsAgent : HttpAgent;
  return {
    // An empty object, because an agent without this option may use the variables (`NODE_USE_ENV_PROXY`).
    agent: new Agent({ proxyEnv: proxy === undefined ? {} : { https_proxy: proxy.href, http_proxy: proxy.href } }),
    via: proxy === undefined ? '' : `, through the proxy ${proxy.host} set in ${variable}`,
  };
}

/** The order of `getProxyForUrl`. */
function proxyVariable({ protocol }: URL): string | undefined {
  const names = [`${protocol.slice(0, -1)}_proxy`, 'all_proxy'];
  return names.flatMap((name) => [name, name.toUpperCase()]).find((name) => process.env[name]);
}

/** Like curl, takes an address without a scheme for an HTTP proxy. */
function readProxy(variable: string): URL {
  const value = process.env[variable] ?? '';
  const proxy = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (proxy !== null && /^https?:$/.test(proxy.protocol)) return proxy;
  throw new ProxySettingError(
    `${variable} is not the URL of an HTTP proxy, such as http://proxy.example.com:3128. SOCKS proxies are not supported`,
  );
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|[\].]$/g, '');
  const version = isIP(host);
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost');
  return LOOPBACK.check(host, version === 6 ? 'ipv6' : 'ipv4');
}
