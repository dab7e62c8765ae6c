import { jsonResponse } from '../webhook/http.ts';
import type { Answer } from './http-server.ts';

/** A call to the platform's API that a handler made. */
export interface ApiCall {
  method: string;
  path: string;
  body: string;
}

/**
 * Stands for the platform's API where no app credentials are set: the official SDK's client works with it as it is, and
 * a person sees what would have been sent.
 *
 * @param onCall told of each call. What it throws makes the call fail with a 503, as an outage of the platform would.
 */
export function createMockPlatform(onCall: (call: ApiCall) => void): Answer {
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
