import { asText, isObject, type JsonObject, tryParseJsonObject } from '../envelope.ts';
import { httpPost } from '../http-post.ts';
import { routeTo } from '../route.ts';
import { requireSecure, withoutQuery } from './address.ts';
import { describeNetworkError } from './errors.ts';

const WITHIN_MS = 10_000;
const MAXIMUM_RESPONSE_BYTES = 64 * 1024;

/**
 * Asks the platform how many long connections the app has. Needs no permission of the app.
 *
 * @param domain the platform, such as `https://open.feishu.cn`
 * @throws {Error} if the platform does not respond with the number within 20 s. The message contains no secret.
 * @see https://open.feishu.cn/document/ukTMukTMukTM/uYDNxYjL2QTM24iN0EjN/event-v1/connection/get
 */
export async function countOnlineConnections(domain: string, appId: string, appSecret: string): Promise<number> {
  const login = new URL('/open-apis/auth/v3/tenant_access_token/internal', domain);
  const body = JSON.stringify({ app_id: appId, app_secret: appSecret });
  const token = asText((await call(login, 'POST', {}, body)).tenant_access_token);
  if (token === undefined) throw new Error(`The response has no tenant_access_token (${login})`);
  const count = new URL('/open-apis/event/v1/connection', domain);
  const { data } = await call(count, 'GET', { authorization: `Bearer ${token}` });
  const online = isObject(data) ? data.online_instance_cnt : undefined;
  if (typeof online !== 'number') throw new Error(`The response has no online_instance_cnt (${count})`);
  return online;
}

async function call(
  url: URL,
  method: 'GET' | 'POST',
  headers: Record<string, string>,
  body?: string,
): Promise<JsonObject> {
  requireSecure(url, 'https:');
  const response = await httpPost(url, routeTo(url, WITHIN_MS), {
    method,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body,
    maximumResponseBytes: MAXIMUM_RESPONSE_BYTES,
    signal: AbortSignal.timeout(WITHIN_MS),
  }).catch((cause) => {
    throw new Error(`${describeNetworkError(cause)} (${method} ${withoutQuery(url)})`, { cause });
  });
  const json = tryParseJsonObject(response.text);
  if (json?.code === 0) return json;
  // The platform rejects some calls with 200, and others with a status and a code.
  const code = json === undefined ? '' : `, code ${json.code} "${String(json.msg).slice(0, 200)}"`;
  throw new Error(`The platform responded with ${response.status}${code} (${method} ${withoutQuery(url)})`);
}
