import { BOT_OPEN_ID, uniqueId } from '../samples/sample-values.ts';
import { jsonResponse } from '../webhook/http.ts';
import type { RequestHandler } from './http-server.ts';

/** A handler's call to the platform's API. */
export interface ApiCall {
  method: string;
  path: string;
  body: string;
}

/**
 * Mocks the platform's API for handlers when no app credentials are set. The official SDK's client works with it
 * unchanged.
 *
 * @param onCall called for each API call. If it throws, the call fails with 503, as in an outage of the platform.
 */
export function createMockPlatform(onCall: (call: ApiCall) => void): RequestHandler {
  return ({ method = '', url = '' }, body) => {
    if (url.startsWith('/open-apis/auth/')) {
      return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: 'local', expire: 7200 });
    }
    try {
      onCall({ method, path: url, body: body.toString() });
    } catch (error) {
      return jsonResponse(503, { code: 503, msg: error instanceof Error ? error.message : 'unavailable' });
    }
    return jsonResponse(200, { code: 0, msg: 'success', ...resultOf(method, url) });
  };
}

/** A message that is sent has an id, so that the handler can update it. */
function resultOf(method: string, url: string): object {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/open-apis/bot/v3/info') return { bot: { app_name: 'Echo', open_id: BOT_OPEN_ID } };
  const sends = method === 'POST' && /^\/open-apis\/im\/v1\/messages(\/[^/]+\/reply)?$/.test(pathname);
  return { data: sends ? { message_id: `om_${uniqueId()}` } : {} };
}

/**
 * Returns the variables that point the official SDK's client at the mock platform, or none if there are app credentials.
 *
 * @param environment the user's variables
 * @param origin of the mock platform
 */
export function mockPlatformAccess(environment: Record<string, string>, origin: string): Record<string, string> {
  if (environment.FEISHU_APP_ID && environment.FEISHU_APP_SECRET) return {};
  // A store app would wait for an app ticket, which the mock platform does not send.
  const selfBuiltApp = { FEISHU_APP_ID: 'cli_local', FEISHU_APP_SECRET: 'local', FEISHU_APP_TYPE: 'self' };
  return { ...selfBuiltApp, FEISHU_DOMAIN: origin };
}
