import { routeTo } from '../feishu/route.ts';
import { directAgents } from './platform-connections.ts';

type HttpInstance = typeof import('@larksuiteoapi/node-sdk').defaultHttpInstance;

const routed = new WeakSet<HttpInstance>();

/**
 * Makes the official SDK send its requests on the routes of {@link routeTo}. By itself, its HTTP client sends loopback
 * requests to the proxy, and closes connections that were idle for 5 s. Requests with an agent or proxy of their own are not changed.
 *
 * @param http the SDK's HTTP client, from axios; it is changed only once
 */
export function routeSdkRequests(http: HttpInstance): void {
  if (routed.has(http)) return;
  routed.add(http);
  http.interceptors.request.use((request) => {
    const url = URL.parse(request.url ?? '', request.baseURL);
    const hasOwnRoute = (request.proxy ?? request.httpAgent ?? request.httpsAgent) !== undefined;
    if (url === null || hasOwnRoute) return request;
    const { agent, via } = routeTo(url);
    if (via === '') Object.assign(request, { proxy: false, ...directAgents() });
    else Object.assign(request, { httpAgent: agent, httpsAgent: agent });
    return request;
  });
  http.interceptors.response.use(undefined, (error) => {
    const url = URL.parse(error.config?.url ?? '');
    const isRejectedByProxy = error.response === undefined || error.response.status === 407;
    if (url !== null && isRejectedByProxy) error.message += routeTo(url).via;
    throw error;
  });
}
