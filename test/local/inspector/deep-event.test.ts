import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { createInspector } from '../../../lib/local/inspector/inspector.ts';
import { ROUTES } from '../../../lib/local/inspector/wire.ts';
import type { Accepted } from '../../../lib/observability/diagnostics-channels.ts';

const deepEvent = `{"schema":"2.0","header":{"event_type":"a.b_v1","token":"secret-token"},"event":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;

function createInspectorWith(text: string) {
  const record = { messageId: 'm', status: 'queued', attempts: 0, updatedAt: '' } as const;
  const inspector = createInspector({
    eventLog: { list: () => [record], find: () => record, attemptsOf: () => [] },
    environment: {},
    host: '127.0.0.1',
    root: '/',
    webhookUrl: () => 'http://127.0.0.1:1/',
    retryNow: async () => {},
    redrive: async () => ({ moved: 0, failed: 0 }),
    mockPlatform: () => undefined,
    scheduledFunctions: { list: async () => [], run: () => Promise.reject(new Error('There are no functions')) },
  });
  inspector.accepted({ messageId: 'm', text } as Accepted);
  return inspector;
}

async function request(method: string, url: string) {
  const response = await createInspectorWith(deepEvent).respond({ method, url } as IncomingMessage, Buffer.alloc(0));
  if ('stream' in response) throw new TypeError('The response is a stream');
  return response;
}

it('shows a placeholder instead of an event nested 50,000 levels deep', async () => {
  const { statusCode, body } = await request('GET', `${ROUTES.event}?message=m`);
  expect(statusCode).toBe(200);
  expect(JSON.parse(body).json).toBe('(nested too deeply to display)');
});

it('rejects editing an event nested 50,000 levels deep, with the reason', async () => {
  const { statusCode, body } = await request('GET', `${ROUTES.draft}?message=m`);
  expect(statusCode).toBe(400);
  expect(JSON.parse(body).message).toContain('nested more than 1000 levels deep');
});
