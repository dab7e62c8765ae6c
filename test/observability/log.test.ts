import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, test } from 'vitest';
import { FeishuError } from '../../lib/feishu/errors.ts';
import { createLog } from '../../lib/observability/log.ts';
import { writeAccessLog } from '../../lib/webhook/access-log.ts';
import { createWorkerTelemetry } from '../../lib/worker/telemetry.ts';
import { hostileValues } from '../support/hostile-values.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { writtenLines } from '../support/written-output.ts';

const LINES = 3000;

// Writes far more than a pipe can hold. Standard output is made non-blocking first, as it is once a handler has used
// it.
const PROGRAM = `
  import { writeLine } from './lib/observability/log.ts';
  process.stdout.write('');
  for (let line = 0; line < ${LINES}; line++) writeLine({ line, padding: '世'.repeat(500) });
  process.stderr.write('written');
`;

test('on Lambda, no line is lost, split or out of order if the reader is slow', async () => {
  const program = spawn(process.execPath, ['--input-type=module-typescript', '--eval', PROGRAM], {
    cwd: PROJECT_ROOT,
    env: { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(program.stderr, 'data');
  const lines: number[] = [];
  for await (const line of createInterface({ input: program.stdout })) lines.push(JSON.parse(line).line);
  expect(lines).toEqual(Array.from({ length: LINES }, (_, index) => index));
});

/** The properties of an HTTP client's error. */
const httpProperties = {
  config: { headers: { Authorization: 'the token' }, data: 'a private message' },
  response: { status: 400, data: { code: 230002, msg: 'Bot can NOT be out of the chat', body: 'a private message' } },
};
const httpError = () => Object.assign(new Error('Request failed'), httpProperties);

const lastLine = () => JSON.parse(writtenLines().at(-1) ?? '');

describe.each([
  ['of the webhook and the long connection', () => createLog('DEBUG', { service: 'test' })],
  ['of the worker', () => createWorkerTelemetry({ LOG_LEVEL: 'DEBUG' }).log],
])('The log %s', (_, openLog) => {
  // The variable of a `catch` has the type `any`.
  it.each<[string, unknown[]]>([
    ['in place of the fields', ['It failed', httpError()]],
    ['as a field', ['It failed', { error: httpError() }]],
    ['as a plain object in place of the fields', ['It failed', { ...httpProperties, message: 'Request failed' }]],
    [
      'as a response in place of the fields',
      ['It failed', { ...httpProperties.response, config: httpProperties.config }],
    ],
    ['in place of the message', [httpError()]],
    ['in place of the message, as a plain object', [{ ...httpProperties }]],
  ])('writes no part of the request of an HTTP error that is passed %s', (_place, given) => {
    const log = openLog();
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      Reflect.apply(log[level], log, given);
      expect(writtenLines().at(-1)).not.toMatch(/the token|a private message/);
      expect(writtenLines().at(-1)).toMatch(/Bot can NOT be out of the chat/);
      expect(lastLine()).toMatchObject({ level: level.toUpperCase(), message: expect.any(String) });
    }
  });

  it.each(hostileValues)('writes one line of JSON if it is passed %s', (_name, value) => {
    const log = openLog();
    for (const given of [['A message', value], ['A message', { value }], [value], [value, value]]) {
      const before = writtenLines().length;
      Reflect.apply(log.error, log, given);
      expect(writtenLines().length).toBe(before + 1);
      expect(lastLine()).toMatchObject({ level: 'ERROR', message: expect.any(String) });
    }
  });

  it('keeps its message if a field has the same name', () => {
    openLog().info('A message', { message: { text: 'of the event' } });
    expect(lastLine()).toMatchObject({ level: 'INFO', message: 'A message' });
  });
});

test('a log line contains no line separators or terminal control characters', () => {
  const text = 'a\u2028b\u2029c\u0085d\u009b2Je\u202ef\r\ng';
  createLog('INFO', {}).info(text, { value: text });
  expect(lastLine()).toMatchObject({ message: text, value: text });
  expect(writtenLines()).toEqual([expect.stringMatching(/^[ -~]+$/)]);
});

describe('The log line of a rejected request', () => {
  const write = (error: FeishuError) => {
    writeAccessLog({ result: 'rejected', error, requestId: undefined, milliseconds: 1 });
    return lastLine();
  };

  it('contains the stack only of an error in the function itself', () => {
    const cause = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    const text = 'TypeError: fetch failed; Error: connect ECONNREFUSED';
    expect(write(new FeishuError('FEISHU_INTERNAL_ERROR', 'An error', { cause }))).toMatchObject({
      cause: text,
      stack: cause.stack,
    });
    const line = write(new FeishuError('FEISHU_QUEUE_UNAVAILABLE', 'Not queued', { cause }));
    expect(line).toMatchObject({ cause: text });
    expect(line).not.toHaveProperty('stack');
    expect(write(new FeishuError('FEISHU_QUEUE_UNAVAILABLE', 'Not queued'))).not.toHaveProperty('cause');
  });

  it('contains neither invalid JSON nor parts of a request', () => {
    const causes = [httpError(), new SyntaxError(`Unexpected token 'w', "a private message" is not valid JSON`)];
    for (const cause of causes) {
      write(new FeishuError('FEISHU_INTERNAL_ERROR', 'An error', { cause }));
      expect(writtenLines().at(-1)).toMatch(/"cause":"(Error: Request failed|SyntaxError: The text is not valid JSON)/);
      expect(writtenLines().at(-1)).not.toMatch(/the token|a private message/);
    }
  });

  it.each(hostileValues)('describes a cause that is %s', (_, cause) => {
    expect(write(new FeishuError('FEISHU_INTERNAL_ERROR', 'An error', { cause })).cause).toMatch(/./);
  });
});
