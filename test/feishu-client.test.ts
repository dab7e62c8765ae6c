import { expect, test } from 'vitest';
import { createLazyClient } from '../lib/feishu-client.ts';
import { createLogCapture } from '../lib/testing/captured-log.ts';

const environment = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'the secret of the app' };

test("of what the SDK gives to its logger, only the SDK's own words are logged", () => {
  const { log, lines } = createLogCapture();
  const { logger } = createLazyClient(environment, log, undefined) as unknown as { logger: Record<string, () => void> };
  const request = { config: { headers: { Authorization: 'Bearer t-secret' }, data: 'secret' } };
  const given: unknown[][] = [
    [Object.assign(new Error('secret'), request)],
    [request],
    // As its calls do: what it knows of the error, then the body of the response.
    [[{ message: 'Request failed', ...request }, 'a secret body']],
    [[request, { code: 1 }]],
    [request, 'not the first'],
    [null],
    [],
    ['user access code expired', 'key', 'a secret code', request],
  ];
  for (const level of ['error', 'warn', 'info', 'debug', 'trace']) {
    for (const messages of given) Reflect.apply(logger[level] as () => void, logger, messages);
  }
  const words = { level: 'warn', message: 'Feishu SDK: user access code expired', fields: {} };
  expect(lines).toEqual([words, words]);
});
