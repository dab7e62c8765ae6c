import { randomUUID } from 'node:crypto';
import type { Context, SQSRecord } from 'aws-lambda';
import { expect, it, vi } from 'vitest';
import { onEvent } from '../../lib/handler.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { createFailureReasons } from '../../lib/store/failure-reasons.ts';
import { createReturns } from '../../lib/store/returns.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { createAttempts } from '../../lib/worker/attempts.ts';
import { attemptOf } from '../../lib/worker/processor.ts';
import { MAXIMUM_DELIVERIES, MAXIMUM_RECEIVES, MAXIMUM_RETURNS } from '../../lib/worker/retry.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { createRecord } from './queue-records.ts';

const TYPE = 'im.message.receive_v1';
const aws = emulatedAws();
/** Less than the client reserves, so that it does not wait. */
const context = { getRemainingTimeInMillis: () => 9000 } as Context;

/** What the handler does in its next runs. Afterwards, its call succeeds. */
type Run = 'limited' | 'failed' | 'handled';

/** Delivers a message once for each run, as SQS does, and returns the attempts that the handler saw. */
async function deliver(runs: Run[], messageId = randomUUID()) {
  await using resources = new AsyncDisposableStack();
  const server = await startHttpServer('127.0.0.1', 0, ({ url = '' }) => {
    if (url.startsWith('/open-apis/auth/')) {
      return jsonResponse(200, { code: 0, tenant_access_token: 't', expire: 7200 });
    }
    return runs[attempts.length - 1] === 'limited' ? jsonResponse(429, { code: 99991400 }) : jsonResponse(200, {});
  });
  resources.defer(() => server.stop());
  const attempts: number[] = [];
  const handler = onEvent(TYPE, async (_, { feishu, attempt }) => {
    attempts.push(attempt);
    if (runs[attempts.length - 1] === 'failed') throw new Error('not now');
    await feishu.im.message.reply({ path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } });
  });
  const app = { FEISHU_APP_ID: randomUUID(), FEISHU_APP_SECRET: 'secret', FEISHU_DOMAIN: server.origin };
  const modules = { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
  const worker = createWorker(modules, { ...aws.environment, ...app });
  const responses: number[] = [];
  const receive = async (receives: number) => {
    const record = createRecord(messageId, { type: TYPE, attempt: receives });
    responses.push((await worker({ Records: [record] }, context)).batchItemFailures.length);
  };
  for (let receives = 1; receives <= runs.length; receives += 1) await receive(receives);
  return { attempts, responses, messageId, receive };
}

const times = (count: number, run: Run) => Array.from({ length: count }, () => run);
const reasonsOf = async (messageId: string) =>
  (await createFailureReasons(aws.emulators.dynamo, aws.emulators.claimsTable).read([messageId])).get(messageId)
    ?.reason;

it('A delivery that a rate limit ends is not an attempt, so that five attempts remain', async () => {
  const { attempts, responses, messageId, receive } = await deliver([...times(7, 'limited'), ...times(5, 'failed')]);
  expect(attempts).toEqual([...Array(7).fill(1), 1, 2, 3, 4, 5]);
  expect(responses).toEqual(Array(12).fill(1));
  expect(await reasonsOf(messageId)).toBe('Error: not now');
  // The attempts are used up. The message stays in the queue until SQS moves it.
  await receive(13);
  expect(attempts.length).toBe(12);
  expect(responses.at(-1)).toBe(1);
});

it('An event that was returned between its attempts is handled', async () => {
  const { attempts, responses } = await deliver(['failed', 'limited', 'failed', 'limited', 'limited', 'handled']);
  expect(attempts).toEqual([1, 2, 2, 3, 3, 3]);
  expect(responses).toEqual([1, 1, 1, 1, 1, 0]);
});

it('An event is returned at most 20 times. Then each further delivery is an attempt', async () => {
  const { attempts, messageId } = await deliver(times(MAXIMUM_RECEIVES, 'limited'));
  expect(attempts).toEqual([...Array(MAXIMUM_RETURNS).fill(1), 1, 2, 3, 4, 5]);
  expect(await reasonsOf(messageId)).toContain('429');
});

it('The handler does not run a sixth time if earlier deliveries ended the function', async () => {
  const { attempts, receive } = await deliver([]);
  await receive(MAXIMUM_DELIVERIES + 1);
  expect(attempts).toEqual([]);
});

it('Deliveries of another message with the same event do not count', async () => {
  const returns = createReturns(aws.emulators.dynamo, aws.emulators.claimsTable);
  await returns.write('message 1', 3, AbortSignal.timeout(10_000));
  const { log } = createLogCapture();
  const { records } = await createAttempts(returns, log).count([
    createRecord('message 1', { eventId: 'event', attempt: 5 }),
    createRecord('message 2', { eventId: 'event', attempt: 5 }),
    createRecord('message 3', { eventId: 'event', attempt: 1 }),
  ]);
  expect(records.map(attemptOf)).toEqual([2, 5, 1]);
});

it('The attempts of a message that has none left are read once', async () => {
  const stored = createReturns(aws.emulators.dynamo, aws.emulators.claimsTable);
  const messageId = randomUUID();
  await stored.write(messageId, 2, AbortSignal.timeout(10_000));
  const read = vi.fn(stored.read);
  const attempts = createAttempts({ ...stored, read }, createLogCapture().log);
  const countedAt = async (receives: number) => {
    const { records } = await attempts.count([createRecord(messageId, { attempt: receives })]);
    return records.map(attemptOf);
  };
  expect([await countedAt(7), await countedAt(8), await countedAt(9), await countedAt(10)]).toEqual([
    [5],
    [6],
    [7],
    [8],
  ]);
  expect(read.mock.calls.length).toBe(2);
});

it('If DynamoDB does not respond, an event keeps at least one attempt, and a return counts as one', async () => {
  const { log, lines } = createLogCapture();
  const reject = async () => {
    throw new Error('DynamoDB is down');
  };
  const attempts = createAttempts({ read: reject, write: reject }, log);
  const records: SQSRecord[] = [1, 2, 20].map((attempt) => createRecord(`message ${attempt}`, { attempt }));
  const counted = await attempts.count(records);
  expect(counted.records.map(attemptOf)).toEqual([1, 2, MAXIMUM_DELIVERIES - 1]);
  expect([...counted.returns]).toEqual([['message 1', 0]]);
  expect(await attempts.recordReturn('message 1', 0)).toBe(false);
  expect(await attempts.recordReturn('message 2', undefined)).toBe(false);
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn']);
});
