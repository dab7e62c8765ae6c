import type { RequestHandler } from '../../lib/local/http-server.ts';
import type { ApiCall } from '../../lib/mock-platform/mock-platform.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';

/**
 * Creates a platform that accepts any call, also for messages that it has not received.
 *
 * @param onCall called for each API call. If it throws, the call fails with 503.
 */
export function createAcceptingPlatform(onCall: (call: ApiCall) => void): RequestHandler {
  return ({ method = '', url = '' }, body) => {
    if (url.startsWith('/open-apis/auth/')) {
      return jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: 'local', expire: 7200 });
    }
    try {
      onCall({ method, path: url, body: body.toString() });
    } catch (error) {
      return jsonResponse(503, { code: 503, msg: error instanceof Error ? error.message : 'unavailable' });
    }
    return jsonResponse(200, { code: 0, msg: 'success', data: {} });
  };
}
