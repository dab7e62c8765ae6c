import { randomUUID } from 'node:crypto';
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import { Continue, Drop, type EventContext, onEvent, RetryAfter } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { type Processed, processedChannel } from '../../lib/observability/diagnostics-channels.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createContinuations } from '../../lib/store/continuations.ts';
import { createFailureReasons } from '../../lib/store/failure-reasons.ts';
import { recordIdOf } from '../../lib/store/idempotency.ts';
import { readDelivery } from '../../lib/worker/processor.ts';
import { MAXIMUM_RECEIVES, MAXIMUM_RETURNS } from '../../lib/worker/retry.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { writtenLines } from '../support/written-output.ts';
import { createRecord, type RecordOptions } from './queue-records.ts';

const TYPE = 'im.message.receive_v1';
const contextOf = () => {
  const endsAt = Date.now() + 60_000;
  return { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context;
};

// No time limit of the worker passes, however slow the machine is.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('An event whose handler throws a Continue', () => {
  const aws = emulatedAws();

  /** A handler that records each invocation, and then does what the test wants. */
  function workerOf(handle: (context: EventContext<unknown>, invocation: number) => unknown) {
    const seen: { attempt: number; continued: EventContext['continued'] }[] = [];
    const handler = onEvent(TYPE, (_, context) => {
      seen.push({ attempt: context.attempt, continued: context.continued });
      return handle(context, seen.length);
    });
    const modules = { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, aws.environment);
    const deliver = async (messageId: string, options: RecordOptions = {}) =>
      (await worker({ Records: [createRecord(messageId, { type: TYPE, ...options })] }, contextOf())).batchItemFailures;
    return { deliver, seen };
  }

  function outcomes(): Processed[] {
    const published: Processed[] = [];
    const subscriber = (message: unknown) => published.push(message as Processed);
    processedChannel.subscribe(subscriber);
    onTestFinished(() => {
      processedChannel.unsubscribe(subscriber);
    });
    return published;
  }

  const continuations = () => createContinuations(aws.emulators.dynamo, aws.emulators.claimsTable);
  const storedState = (messageId: string) => {
    const { envelope, text } = readDelivery(createRecord(messageId, { type: TYPE }));
    return continuations().read(deduplicationKey(envelope, text), AbortSignal.timeout(10_000));
  };
  const reasonOf = async (messageId: string) =>
    (await createFailureReasons(aws.emulators.dynamo, aws.emulators.claimsTable).read([messageId])).get(messageId)
      ?.reason;

  it('is delivered again at once with its state, which does not count as an attempt, and is then handled', async () => {
    const published = outcomes();
    const { deliver, seen } = workerOf(({ continued }) => {
      const step = (continued?.state as { step: number } | undefined)?.step ?? 0;
      if (step < 2) throw new Continue({ step: step + 1, text: '你好', none: undefined });
    });
    const id = randomUUID();
    expect(await deliver(id)).toEqual([{ itemIdentifier: id }]);
    expect(await deliver(id, { attempt: 2 })).toEqual([{ itemIdentifier: id }]);
    expect(await deliver(id, { attempt: 3 })).toEqual([]);
    expect(seen).toEqual([
      { attempt: 1, continued: undefined },
      { attempt: 1, continued: { state: { step: 1, text: '你好' }, count: 1 } },
      { attempt: 1, continued: { state: { step: 2, text: '你好' }, count: 2 } },
    ]);
    expect(published.map(({ outcome }) => outcome)).toEqual(['continued', 'continued', 'handled']);
    expect(await storedState(id)).toBeUndefined();
    // The completed event is not run again.
    expect(await deliver(id, { attempt: 4 })).toEqual([]);
    expect(seen).toHaveLength(3);
  });

  it('becomes visible after the given delay', async () => {
    const hidden: unknown[] = [];
    const send = vi.spyOn(SQSClient.prototype, 'send');
    onTestFinished(() => send.mockRestore());
    const { deliver } = workerOf(() => {
      throw new Continue(null, { afterSeconds: 600 });
    });
    await deliver(randomUUID());
    for (const [{ input }] of send.mock.calls) hidden.push((input as { VisibilityTimeout?: number }).VisibilityTimeout);
    expect(hidden).toEqual([600]);
  });

  it('keeps its last state while it fails, and erases it if it is dropped', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('first');
      if (invocation === 2) throw new Error('not now');
      if (invocation === 3) throw new RetryAfter(1, 'later');
      if (invocation === 4) throw new Continue(['second']);
      throw new Drop('enough');
    });
    const id = randomUUID();
    for (let attempt = 1; attempt <= 5; attempt += 1) await deliver(id, { attempt });
    expect(seen).toEqual([
      { attempt: 1, continued: undefined },
      { attempt: 1, continued: { state: 'first', count: 1 } },
      { attempt: 2, continued: { state: 'first', count: 1 } },
      { attempt: 3, continued: { state: 'first', count: 1 } },
      { attempt: 3, continued: { state: ['second'], count: 2 } },
    ]);
    expect(await storedState(id)).toBeUndefined();
  });

  it('continues 20 times. Then each further time is a failed delivery, and a redriven copy continues', async () => {
    const { deliver, seen } = workerOf(({ continued }) => {
      throw new Continue({ step: (continued?.count ?? 0) + 1 });
    });
    const id = randomUUID();
    for (let attempt = 1; attempt <= MAXIMUM_RECEIVES; attempt += 1) await deliver(id, { attempt });
    expect(seen.map(({ attempt }) => attempt)).toEqual([...Array(MAXIMUM_RETURNS).fill(1), 1, 2, 3, 4, 5]);
    expect(await reasonOf(id)).toBe(
      'Error: The event has continued or waited for a rate limit 20 times. Each further time counts as a failed delivery. ' +
        'Its state is kept',
    );
    await deliver(randomUUID(), { eventId: id, redriveOf: id });
    expect(seen.at(-1)).toEqual({ attempt: 1, continued: { state: { step: 25 }, count: 25 } });
  });

  it('continues from its state if another message has the same event', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('from the first message');
    });
    const eventId = randomUUID();
    await deliver(randomUUID(), { eventId });
    await deliver(randomUUID(), { eventId });
    expect(seen[1]).toEqual({ attempt: 1, continued: { state: 'from the first message', count: 1 } });
  });

  it('continues from its state if its idempotency record has expired', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('kept');
    });
    const id = randomUUID();
    await deliver(id);
    const { envelope, text } = readDelivery(createRecord(id, { type: TYPE }));
    const key = { id: { S: recordIdOf(deduplicationKey(envelope, text)) } };
    await aws.emulators.dynamo.send(new DeleteItemCommand({ TableName: aws.emulators.claimsTable, Key: key }));
    await deliver(id, { attempt: 2 });
    expect(seen[1]).toEqual({ attempt: 1, continued: { state: 'kept', count: 1 } });
  });

  it('fails, and keeps the last state, if the new one cannot be stored', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation <= 2) throw new Continue(`state ${invocation}`);
    });
    const id = randomUUID();
    await deliver(id);
    rejectRequests(PutItemCommand, (input) => JSON.stringify(input).includes('state 2'));
    const published = outcomes();
    await deliver(id, { attempt: 2 });
    expect(published).toMatchObject([{ outcome: 'retrying', reason: 'Error: DynamoDB is down' }]);
    await deliver(id, { attempt: 3 });
    expect(seen.at(-1)).toEqual({ attempt: 2, continued: { state: 'state 1', count: 1 } });
  });

  it('is not run without its state if the state cannot be read', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('kept');
    });
    const id = randomUUID();
    await deliver(id);
    const restore = rejectRequests(GetItemCommand, (input) => JSON.stringify(input).includes('continuation#'));
    expect(await deliver(id, { attempt: 2 })).toHaveLength(1);
    expect(seen).toHaveLength(1);
    restore();
    await deliver(id, { attempt: 3 });
    expect(seen.at(-1)).toEqual({ attempt: 2, continued: { state: 'kept', count: 1 } });
  });

  it('counts as failed, but continues from the new state, if the return cannot be recorded', async () => {
    const { deliver, seen } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('stored');
    });
    const restore = rejectRequests(PutItemCommand, (input) => JSON.stringify(input).includes('returns#'));
    const published = outcomes();
    const id = randomUUID();
    await deliver(id);
    restore();
    expect(published).toMatchObject([{ outcome: 'retrying', reason: expect.stringContaining('Its state is kept') }]);
    await deliver(id, { attempt: 2 });
    expect(seen[1]).toEqual({ attempt: 2, continued: { state: 'stored', count: 1 } });
  });

  it('is handled, and logs why, if its state cannot be erased', async () => {
    const { deliver } = workerOf((_, invocation) => {
      if (invocation === 1) throw new Continue('remaining');
    });
    const id = randomUUID();
    await deliver(id);
    rejectRequests(PutItemCommand, (input) => JSON.stringify(input).includes('continuation#'));
    expect(await deliver(id, { attempt: 2 })).toEqual([]);
    const [warning] = writtenLines().filter((line) => line.includes('The state of the event could not be erased'));
    expect(JSON.parse(warning ?? '{}')).toMatchObject({ level: 'WARN', error: 'Error: DynamoDB is down' });
  });

  it('reads no state at its first delivery', async () => {
    const send = vi.spyOn(DynamoDBClient.prototype, 'send');
    onTestFinished(() => send.mockRestore());
    await workerOf(() => {}).deliver(randomUUID());
    expect(send.mock.calls.filter(([command]) => command instanceof GetItemCommand)).toEqual([]);
  });

  it('is retried if its handler throws the Continue after its time is up', async () => {
    const { deliver, seen } = workerOf(async ({ signal }) => {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      vi.advanceTimersByTime(60_000);
      await aborted;
      await new Promise(setImmediate);
      throw new Continue('too late');
    });
    const id = randomUUID();
    const published = outcomes();
    await deliver(id);
    expect(published).toMatchObject([{ outcome: 'retrying' }]);
    expect(seen).toHaveLength(1);
    expect(await storedState(id)).toBeUndefined();
  });
});

describe.each(['none', 'conversation'] as const)('In a queue with ordering=%s', (ordering) => {
  const aws = emulatedAws({ ordering });

  it('a continued event is received again at once, before later events of its chat', async () => {
    const seen: unknown[] = [];
    const handler = onEvent(TYPE, ({ message }, { attempt, continued }) => {
      const { text } = JSON.parse(message.content);
      seen.push([text, attempt, continued?.state]);
      if (text === 'long') throw new Continue((continued?.count ?? 0) + 1);
    });
    const modules = { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, aws.environment);
    const enqueue = async (text: string) => {
      const event = textMessage(text);
      event.message.chat_id = 'oc_1';
      const body = createSample(TYPE, { version: '2.0', token: '', event });
      const received = { text: body, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      const queue = createQueue(aws.emulators.queueUrl);
      await queue.send(parseEnvelope(body) as EventEnvelope, received, AbortSignal.timeout(10_000));
    };
    /** Runs the worker until the queue is empty, as Lambda does. */
    const consume = async () => {
      for (let records = await aws.receive(); records.length > 0; records = await aws.receive()) {
        for (const record of records) {
          const { batchItemFailures } = await worker({ Records: [record] }, contextOf());
          if (batchItemFailures.length > 0) continue;
          const { receiptHandle: ReceiptHandle } = record;
          await aws.emulators.sqs.send(new DeleteMessageCommand({ QueueUrl: aws.emulators.queueUrl, ReceiptHandle }));
        }
      }
    };
    await enqueue('long');
    if (ordering === 'conversation') await enqueue('behind it');
    await consume();
    // The fifth failure is hidden for up to 512 s, so the test stops after the first one.
    expect(seen).toEqual([
      ['long', 1, undefined],
      ...Array.from({ length: MAXIMUM_RETURNS }, (_, index) => ['long', 1, index + 1]),
    ]);
  });
});

type Command = new (input: never) => { input: object };

/** Rejects the matching requests to DynamoDB until it is undone. */
function rejectRequests(kind: Command, matches: (input: object) => boolean): () => void {
  const send = DynamoDBClient.prototype.send as (...parameters: unknown[]) => Promise<unknown>;
  const spy = vi.spyOn(DynamoDBClient.prototype, 'send') as unknown as ReturnType<typeof vi.fn>;
  spy.mockImplementation(function (this: DynamoDBClient, ...parameters: unknown[]) {
    const [command] = parameters;
    if (command instanceof kind && matches(command.input)) return Promise.reject(new Error('DynamoDB is down'));
    return send.apply(this, parameters);
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}
