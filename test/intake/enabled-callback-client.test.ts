import { describe, expect, it, onTestFinished } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { type CallbackContext, onCallback } from '../../lib/handler.ts';
import { runCallback } from '../../lib/intake/callbacks.ts';
import { createCallbackClient } from '../../lib/intake/enabled-callback-client.ts';
import { type RequestHandler, startHttpServer } from '../../lib/local/http-server.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';

const text = createSample('card.action.trigger', { version: '2.0', token: '' });
const callback = { envelope: parseEnvelope(text) as EventEnvelope, text };
const CREDENTIALS = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret' };

/** Starts an API of the platform that issues tokens and responds to other calls like this. */
async function startApi(respond: RequestHandler): Promise<Record<string, string>> {
  const token = jsonResponse(200, { code: 0, msg: 'ok', tenant_access_token: 't-1', expire: 7200 });
  const api = await startHttpServer('127.0.0.1', 0, (request, body) =>
    request.url?.startsWith('/open-apis/auth/') ? token : respond(request, body),
  );
  onTestFinished(() => api.stop());
  return { ...CREDENTIALS, FEISHU_DOMAIN: api.origin };
}

/** Runs a callback handler that calls the platform. */
function call(environment: Record<string, string>, signal = new AbortController().signal): Promise<object> {
  const { log } = createLogCapture();
  const client = createCallbackClient(callback, { log, signal }, environment);
  const use = async ({ feishu }: CallbackContext) => feishu.request({ method: 'GET', url: '/open-apis/im/v1/chats' });
  const handler = onCallback('card.action.trigger', async (_, context) => void (await use(context)));
  return runCallback(handler, callback, { source: 'webhook', log, signal, ...client });
}

describe('The client of callback handlers', () => {
  it('fails at a rate limit instead of waiting, because the response is due within 3 seconds', async () => {
    let calls = 0;
    const environment = await startApi(() => {
      calls += 1;
      return jsonResponse(429, { code: 99991400, msg: 'request trigger frequency limit' }, { 'retry-after': '1' });
    });
    await expect(call(environment)).rejects.toThrow('429');
    expect(calls).toBe(1);
  });

  it('fails the callback when its time is up, even if the platform does not respond', async () => {
    const timeLimit = new AbortController();
    const response = Promise.withResolvers<ReturnType<typeof jsonResponse>>();
    const environment = await startApi(() => {
      timeLimit.abort(new Error('Timed out'));
      return response.promise;
    });
    await expect(call(environment, timeLimit.signal)).rejects.toThrow('Timed out');
    response.resolve(jsonResponse(200, { code: 0 }));
  });

  it('is not available to a store app', async () => {
    await expect(call({ ...CREDENTIALS, FEISHU_APP_TYPE: 'store' })).rejects.toThrow(
      'Callback handlers of a store app have no `feishu`. Call the API in the event handler of the same type.',
    );
  });

  it("needs the app's credentials", async () => {
    await expect(call({ FEISHU_APP_ID: 'cli_1' })).rejects.toThrow('FEISHU_APP_SECRET is not set');
  });
});
