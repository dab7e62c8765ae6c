import { randomUUID } from 'node:crypto';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { Drop, onCallback, onEvent } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { createCallbackResponder } from '../../lib/intake/callbacks.ts';
import { createLog } from '../../lib/observability/log.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { startCallCounter } from '../support/call-counter.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { hostileValues } from '../support/hostile-values.ts';
import { writtenLines } from '../support/written-output.ts';

// Whatever a handler or its packages throw must not affect other events.

const noModule: ImportModule = (name) => {
  throw new Error(`Module not found in bundle: ${name}`);
};

describe.each(['none', 'conversation'] as const)('The worker, with ordering=%s,', (ordering) => {
  const aws = emulatedAws({ ordering });
  // No time limit passes, however slow the machine is.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  /** @param index the hostile value that the handlers below throw or log for this message */
  function recordOf(index: number): SQSRecord {
    const event = textMessage(`${index}`);
    // One chat per event: the events of a chat wait for a failed one.
    event.message.chat_id = `oc_${index}`;
    const text = createSample('im.message.receive_v1', { version: '2.0', token: '', event });
    const queued = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const { MessageBody, MessageAttributes, MessageGroupId } = encodeMessage(
      aws.emulators.queueUrl,
      parseEnvelope(text) as EventEnvelope,
      queued,
    );
    const message = { MessageId: randomUUID(), ReceiptHandle: 'handle', Body: MessageBody, MessageAttributes };
    const Attributes = { ApproximateReceiveCount: '1', ...(MessageGroupId !== undefined && { MessageGroupId }) };
    return toSqsRecord({ ...message, Attributes }, aws.emulators.queueArn);
  }

  const indexOf = (content: string) => Number(JSON.parse(content).text);
  const context = { getRemainingTimeInMillis: () => 600_000 } as Context;

  async function deliver(v2: ImportModule, records: SQSRecord[]) {
    // SQS rejects these made-up receipt handles; only the calls are checked.
    await using sqs = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_SQS as string);
    const QUEUE_URL = `${sqs.origin}${new URL(aws.emulators.queueUrl).pathname}`;
    process.env.AWS_ENDPOINT_URL_SQS = sqs.origin;
    const worker = createWorker({ v2, v1: noModule, fallback: noModule }, { ...aws.environment, QUEUE_URL });
    const { batchItemFailures } = await worker({ Records: records }, context);
    process.env.AWS_ENDPOINT_URL_SQS = aws.emulators.environment.AWS_ENDPOINT_URL_SQS;
    return { failed: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), calls: sqs.calls };
  }

  const handlingMessages =
    (handle: Parameters<typeof onEvent<'im.message.receive_v1'>>[1]): ImportModule =>
    async () => ({ default: onEvent('im.message.receive_v1', handle) });

  it('reports and delays exactly the events whose handlers throw a hostile value', async () => {
    const handled: number[] = [];
    const v2 = handlingMessages(({ message }) => {
      const index = indexOf(message.content);
      const [, value] = hostileValues[index] ?? [];
      if (index < hostileValues.length) throw value;
      handled.push(index);
    });
    const good = hostileValues.length;
    const records = [...hostileValues.keys(), good].map(recordOf);
    const { failed, calls } = await deliver(v2, records);
    expect(failed.toSorted()).toEqual(
      records
        .slice(0, -1)
        .map(({ messageId }) => messageId)
        .toSorted(),
    );
    expect(handled).toEqual([good]);
    expect(calls).toMatchObject({ 'AmazonSQS.ChangeMessageVisibility': hostileValues.length });
    expect(writtenLines().filter((line) => line.includes('The event failed and will be retried')).length).toBe(good);
  });

  it('handles events whose handlers log a hostile value', async () => {
    const v2 = handlingMessages(({ message }, { log }) => {
      const [name, value] = hostileValues[indexOf(message.content)] as [string, never];
      log.error(`logged ${name}`, value);
      log.info(`logged ${name}`, { value });
      log.debug(value);
    });
    expect((await deliver(v2, [...hostileValues.keys()].map(recordOf))).failed).toEqual([]);
    for (const [name] of hostileValues) {
      const lines = writtenLines().filter((line) => line.includes(`logged ${name}"`));
      expect(lines.map((line) => JSON.parse(line).level)).toEqual(['ERROR', 'INFO']);
    }
  });

  it('reports events whose modules throw a hostile value while loading', async () => {
    let index = 0;
    const v2: ImportModule = () => Promise.reject(hostileValues[index++]?.[1]);
    const records = [...hostileValues.keys()].map(recordOf);
    const { failed, calls } = await deliver(v2, records);
    expect(failed.length).toBe(records.length);
    expect(calls).toMatchObject({ 'AmazonSQS.ChangeMessageVisibility': records.length });
  });

  it('drops an event and logs the reason', async () => {
    const v2 = handlingMessages(() => {
      throw new Drop('not for us');
    });
    expect((await deliver(v2, [recordOf(0)])).failed).toEqual([]);
    expect(writtenLines().join('\n')).toMatch(/"message":"dropped".*"reason":"not for us"/);
  });
});

describe('A user who clicks a card', () => {
  const text = createSample('card.action.trigger', { version: '2.0', token: '' });
  const callback = { envelope: parseEnvelope(text) as EventEnvelope, text };
  const respondWith = (handle: Parameters<typeof onCallback<'card.action.trigger'>>[1]) => {
    const respond = createCallbackResponder(async () => ({ default: onCallback('card.action.trigger', handle) }));
    const { signal } = new AbortController();
    return respond(callback, { source: 'webhook', signal, log: createLog('INFO', {}) });
  };
  const toast = { toast: { type: 'error' } };
  const loggedErrors = () => writtenLines().filter((line) => line.includes('The callback handler failed or timed out'));

  it.each(hostileValues)('sees an error if the handler throws %s', async (_, value) => {
    const throwing = () => {
      throw value;
    };
    expect(await respondWith(throwing)).toMatchObject(toast);
    expect(await respondWith(() => Promise.reject(value))).toMatchObject(toast);
    expect(loggedErrors().length).toBe(2);
  });

  it.each(hostileValues.filter(([, value]) => value != null))(
    'sees an error if the handler returns %s',
    async (_, value) => {
      expect(await respondWith(() => value as never)).toMatchObject(toast);
      expect(await respondWith(async () => value as never)).toMatchObject(toast);
      expect(loggedErrors().length).toBe(2);
    },
  );

  it('sees an error, and no detail of it, if the handler returns an error instead of throwing it', async () => {
    const config = { headers: { Authorization: 'the token' } };
    const returned = Object.assign(new Error('Request failed'), { config, toJSON: () => ({ config }) });
    const response = await respondWith(() => returned as never);
    expect(response).toMatchObject(toast);
    expect(JSON.stringify([response, writtenLines()])).not.toContain('the token');
  });

  it.each([[[]], ['text'], [1], [true]])('sees an error where the handler returns %j', async (value) => {
    expect(await respondWith(() => value as never)).toMatchObject(toast);
    expect(loggedErrors()[0]).toContain('TypeError: A callback handler must return an object or nothing.');
  });
});
