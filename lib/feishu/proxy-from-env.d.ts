declare module 'proxy-from-env' {
  /** Returns the proxy for a URL according to `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, or `''`. */
  export function getProxyForUrl(url: URL): string;
}
