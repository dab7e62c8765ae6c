import { randomUUID } from 'node:crypto';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { DeleteMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { Drop, type EventContext, onEvent, onEventV1, onUnhandledEvent, RetryAfter } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import type { EventModules } from '../../lib/worker/dispatch.ts';
import { MAXIMUM_RECEIVES } from '../../lib/worker/retry.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function contextOf(remainingMilliseconds = 60_000): Context {
  const endsAt = Date.now() + remainingMilliseconds;
  return { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context;
}

function throwUndefined(): never {
  throw undefined;
}

/** Creates a message in its own chat, because a FIFO queue blocks a chat while one of its messages is in flight. */
function messageEvent(chat = `oc_${randomUUID()}`, text = 'Hello'): string {
  const event = textMessage(text);
  event.message.chat_id = chat;
  return createSample('im.message.receive_v1', { version: '2.0', token: '', event });
}

describe.each(['none', 'conversation'] as const)('The worker, with ordering=%s,', (ordering) => {
  const aws = emulatedAws({ ordering });

  const workerWith = (modules: Partial<EventModules>) =>
    createWorker({ v2: modulesOf({}), v1: modulesOf({}), fallback: modulesOf({}), ...modules }, aws.environment);
  const handlingMessages = (handle: Parameters<typeof onEvent<'im.message.receive_v1'>>[1]) =>
    workerWith({ v2: modulesOf({ 'im.message.receive_v1': onEvent('im.message.receive_v1', handle) }) });

  async function enqueue(text: string): Promise<void> {
    const envelope = parseEnvelope(text);
    if (envelope.kind === 'url-verification') throw new Error('not an event');
    const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await createQueue(aws.emulators.queueUrl).send(envelope, event, new AbortController().signal);
  }

  /** Receives this number of messages. */
  async function receiveAll(count: number): Promise<SQSRecord[]> {
    const records: SQSRecord[] = [];
    while (records.length < count) records.push(...(await aws.receive()));
    return records;
  }

  /** Receives and deletes messages, so that the test leaves nothing in the queue. */
  async function take(count: number): Promise<SQSRecord[]> {
    const records = await receiveAll(count);
    await deleteAll(records);
    return records;
  }

  it('runs the handler of a v2.0 event with a context', async () => {
    const seen: { text: string; context: EventContext }[] = [];
    const worker = handlingMessages((event, context) => seen.push({ text: event.message.content, context }));
    await enqueue(messageEvent());
    expect(await worker({ Records: await take(1) }, contextOf())).toEqual({ batchItemFailures: [] });
    expect(seen[0]?.text).toBe('{"text":"Hello"}');
    expect(seen[0]?.context).toMatchObject({ source: 'webhook', attempt: 1, header: { version: '2.0' } });
    expect(seen[0]?.context.header.created).toBeInstanceOf(Date);
    expect(seen[0]?.context.signal.aborted).toBe(false);
  });

  it('passes the complete header, the raw JSON and exact integers to the handler', async () => {
    const seen: unknown[] = [];
    const worker = workerWith({
      v2: modulesOf({
        'drive.file.edit_v1': onEvent('drive.file.edit_v1', (event, { header, exactEvent, rawJson }) => {
          const { resource_id, user_list } = header.fields;
          seen.push({ event, resource_id, user_list, exact: exactEvent(), rawJson: rawJson() });
        }),
      }),
    });
    const user_list = [{ open_id: 'ou_1', union_id: 'on_1', user_id: '' }];
    const body = { event_type: 'drive.file.edit_v1', event_id: randomUUID(), resource_id: 'doccn1', user_list };
    const text = `{"schema":"2.0", "header":${JSON.stringify(body)}, "event":{"revision":9223372036854775807}}`;
    await enqueue(text);
    await worker({ Records: await take(1) }, contextOf());
    expect(seen).toEqual([
      {
        event: { revision: 9223372036854776000 },
        resource_id: 'doccn1',
        user_list,
        exact: { revision: 9223372036854775807n },
        rawJson: text,
      },
    ]);
  });

  it('finds a handler by its type, whatever the version of the envelope', async () => {
    const seen: unknown[] = [];
    const trip = 'approval.instance.trip_group_update_v4';
    const worker = workerWith({
      v1: modulesOf({
        [trip]: onEventV1(trip, (event, { header, exactEvent }) => {
          seen.push([event, header.version, exactEvent()]);
        }),
      }),
      v2: modulesOf({ out_approval: onEvent('out_approval' as never, (event: object) => seen.push([event])) }),
    });
    const object = { type: 'REVERTED', instance_code: 'I-1' };
    const header = { event_id: randomUUID(), event_type: trip, app_id: 'cli_1', tenant_key: 't-1' };
    await enqueue(JSON.stringify({ schema: '2.0', header, event: { object } }));
    await enqueue(createSample('out_approval', { version: '1.0', token: '', event: { instance_code: 'I-2' } }));
    for (const record of await take(2)) await worker({ Records: [record] }, contextOf());
    // The payload has the fields of a v1.0 event.
    const payload = { type: trip, app_id: 'cli_1', tenant_key: 't-1', object };
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual([payload, '2.0', payload]);
    expect(seen).toContainEqual([expect.objectContaining({ type: 'out_approval', instance_code: 'I-2' })]);
  });

  it('prefers the module of the envelope version if there are two', async () => {
    const seen: string[] = [];
    const type = 'example.thing.created_v1' as never;
    const worker = workerWith({
      v1: modulesOf({ [type]: onEventV1(type, () => seen.push('v1')) }),
      v2: modulesOf({ [type]: onEvent(type, () => seen.push('v2')) }),
    });
    await enqueue(createSample(type, { version: '2.0', token: '' }));
    await worker({ Records: await take(1) }, contextOf());
    await enqueue(createSample(type, { version: '1.0', token: '' }));
    await worker({ Records: await take(1) }, contextOf());
    expect(seen).toEqual(['v2', 'v1']);
  });

  it('runs the handler of a v1.0 event', async () => {
    const users: string[] = [];
    const handler = onEventV1('out_approval', (event) => users.push(event.user_id));
    await enqueue(createSample('out_approval', { version: '1.0', token: '' }));
    await workerWith({ v1: modulesOf({ out_approval: handler }) })({ Records: await take(1) }, contextOf());
    expect(users.length).toBe(1);
  });

  it('runs the fallback for an event without a handler, and succeeds without a fallback', async () => {
    const types: string[] = [];
    const fallback = modulesOf({ fallback: onUnhandledEvent((_, { header }) => types.push(header.type)) });
    await enqueue(createSample('example.thing.created_v1', { version: '2.0', token: '' }));
    const [record] = await take(1);
    const event = { Records: [record as SQSRecord] };
    expect(await workerWith({})(event, contextOf())).toEqual({ batchItemFailures: [] });
    expect(await workerWith({ fallback })(event, contextOf())).toEqual({ batchItemFailures: [] });
    expect(types).toEqual(['example.thing.created_v1']);
  });

  it('handles an event once, however often and over whichever transport it arrives', async () => {
    let effects = 0;
    const worker = handlingMessages(() => {
      effects += 1;
    });
    const text = messageEvent();
    await enqueue(text);
    const first = await take(1);
    // A copy of the same event from the long connection.
    const second = first.map((record) => ({
      ...record,
      messageId: 'another message',
      messageAttributes: {
        ...record.messageAttributes,
        source: { stringValue: 'long-connection', dataType: 'String' },
      },
    })) as SQSRecord[];
    await worker({ Records: first }, contextOf());
    await worker({ Records: first }, contextOf());
    expect(await worker({ Records: second }, contextOf())).toEqual({ batchItemFailures: [] });
    expect(effects).toBe(1);
  });

  it('reports only the events that failed', async () => {
    const worker = handlingMessages((event) => {
      if (event.message.content.includes('wrong')) throw new Error('wrong');
    });
    for (const [chat, text] of [
      ['oc_1', 'good'],
      ['oc_2', 'wrong'],
      ['oc_3', 'good'],
    ] as const) {
      await enqueue(messageEvent(chat, text));
    }
    const records = await receiveAll(3);
    const wrong = records.find(({ body }) => body.includes('wrong'));
    const response = await worker({ Records: records }, contextOf());
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: wrong?.messageId }] });
    await deleteAll(records);
  });

  it.each<[string, () => unknown]>([
    ['whose message cannot be read', () => Object.defineProperty(new Error(), 'message', { get: throwUndefined })],
    ['whose message is a symbol', () => Object.assign(new Error(), { message: Symbol('message') })],
    ['whose stack cannot be read', () => Object.defineProperty(new Error(), 'stack', { get: throwUndefined })],
    ['whose response cannot be read', () => Object.defineProperty(new Error(), 'response', { get: throwUndefined })],
    ['that is undefined', () => undefined],
  ])('reports and postpones an event whose handler throws a value %s, and handles the others', async (_, make) => {
    const worker = handlingMessages((event) => {
      if (event.message.content.includes('wrong')) throw make();
    });
    await enqueue(messageEvent(undefined, 'good'));
    await enqueue(messageEvent(undefined, 'wrong'));
    const records = await receiveAll(2);
    const wrong = records.find(({ body }) => body.includes('wrong'));
    const response = await worker({ Records: records }, contextOf());
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: wrong?.messageId }] });
    // Within seconds, not after the queue's visibility timeout of six minutes.
    let retried: SQSRecord[] = [];
    await deleteAll(records.filter((record) => record !== wrong));
    await vi.waitFor(async () => {
      retried = await aws.receive();
      expect(retried.map(({ body }) => body)).toEqual([wrong?.body]);
    }, wait);
    await deleteAll(retried);
  });

  it('releases the lease if the handler fails, so that the next attempt runs it again', async () => {
    const attempts: string[] = [];
    const worker = handlingMessages((_, { attempt, uuid }) => {
      attempts.push(`${attempt} ${uuid('reply')}`);
      if (attempts.length === 1) throw new RetryAfter(0, 'not yet');
    });
    await enqueue(messageEvent());
    const first = await aws.receive();
    expect((await worker({ Records: first }, contextOf())).batchItemFailures.length).toBe(1);
    const second = await receiveAll(1);
    expect((await worker({ Records: second }, contextOf())).batchItemFailures).toEqual([]);
    const [one = '', two = ''] = attempts;
    expect([one[0], two[0]]).toEqual(['1', '2']);
    expect(one.slice(2)).toBe(two.slice(2));
    expect(one.slice(2)).toMatch(/^[\da-f]{32}$/);
    await deleteAll(second);
  });

  it('hides a failed event for its backoff', async () => {
    const worker = handlingMessages(() => {
      throw new Error('broken');
    });
    await enqueue(messageEvent());
    const records = await aws.receive();
    await worker({ Records: records }, contextOf());
    // The queue's visibility timeout is 360 s, so only the worker's backoff makes it visible within the test.
    expect((await take(1))[0]?.messageId).toBe(records[0]?.messageId);
  });

  it('does not retry an event that a handler drops', async () => {
    const worker = handlingMessages(() => {
      throw new Drop('not for us');
    });
    await enqueue(messageEvent());
    expect(await worker({ Records: await take(1) }, contextOf())).toEqual({ batchItemFailures: [] });
  });

  it('fails a malformed message until it is moved to the dead-letter queue', async () => {
    const { sqs, queueUrl, deadLetterQueueUrl } = aws.emulators;
    const fifo = ordering === 'conversation' ? { MessageGroupId: 'x', MessageDeduplicationId: `${Math.random()}` } : {};
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'not an event', ...fifo }));
    const worker = workerWith({});
    for (let delivery = 1; delivery <= MAXIMUM_RECEIVES; delivery += 1) {
      const records = await receiveAll(1);
      expect((await worker({ Records: records }, contextOf())).batchItemFailures.length).toBe(1);
    }
    expect(await aws.receive()).toEqual([]);
    expect((await aws.receive(deadLetterQueueUrl)).map(({ body }) => body)).toEqual(['not an event']);
  });

  it('fails an event whose module cannot be loaded or exports no handler', async () => {
    await enqueue(messageEvent());
    const records = await take(1);
    for (const v2 of [modulesOf({ 'im.message.receive_v1': {} }), () => Promise.reject(new Error('syntax'))]) {
      expect((await workerWith({ v2 })({ Records: records }, contextOf())).batchItemFailures.length).toBe(1);
    }
  });

  it('times out a handler that never ends before the function times out, and reports its event', async () => {
    const started = Promise.withResolvers<AbortSignal>();
    const worker = handlingMessages((_, { signal }) => {
      started.resolve(signal);
      return new Promise(() => {});
    });
    await enqueue(messageEvent());
    const records = await take(1);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const response = worker({ Records: records }, contextOf(60_000));
    const signal = await started.promise;
    expect(signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(58_000);
    expect(signal.aborted).toBe(true);
    expect((await response).batchItemFailures.length).toBe(1);
  });

  it.each(['../../x', 'constructor', '__proto__', '%2e%2e/x'])('imports no module for the type %s', async (type) => {
    const imported: string[] = [];
    const spy: ImportModule = (name) => {
      imported.push(name);
      throw new Error('Module not found in bundle');
    };
    await enqueue(createSample(type, { version: '2.0', token: '' }));
    const response = await workerWith({ v2: spy, v1: spy })({ Records: await take(1) }, contextOf());
    expect(response).toEqual({ batchItemFailures: [] });
    expect(imported.filter((name) => name !== type || name.includes('/'))).toEqual([]);
  });

  async function deleteAll(records: SQSRecord[]): Promise<void> {
    for (const { receiptHandle } of records) {
      await aws.emulators.sqs.send(
        new DeleteMessageCommand({ QueueUrl: aws.emulators.queueUrl, ReceiptHandle: receiptHandle }),
      );
    }
  }
});

describe('In a FIFO batch', () => {
  const aws = emulatedAws({ ordering: 'conversation' });

  it('events behind a failed event of their chat wait in order, while other chats continue', async () => {
    const handled: string[] = [];
    const otherChat = Promise.withResolvers<void>();
    const handler = onEvent('im.message.receive_v1', async ({ message }) => {
      const { text } = JSON.parse(message.content);
      if (text === 'a1') await otherChat.promise;
      if (text === 'b2') throw new Error('broken');
      handled.push(text);
      if (text === 'b1') otherChat.resolve();
    });
    const modules = { v2: modulesOf({ 'im.message.receive_v1': handler }), v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, aws.environment);
    const records = ['a1', 'b1', 'a2', 'b2', 'b3', 'a3'].map((text) =>
      toFifoRecord(messageEvent(`oc_${text[0]}`, text), text),
    );
    const response = await worker({ Records: records }, contextOf());
    expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).toSorted()).toEqual(['b2', 'b3']);
    expect(handled.filter((text) => text.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(handled.filter((text) => text.startsWith('b'))).toEqual(['b1']);
  });

  function toFifoRecord(body: string, messageId: string): SQSRecord {
    const attribute = (stringValue: string) => ({ stringValue, dataType: 'String' });
    return {
      messageId,
      receiptHandle: `receipt of ${messageId}`,
      body,
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: JSON.parse(body).event.message.chat_id },
      messageAttributes: { source: attribute('webhook'), receivedAt: attribute(new Date().toISOString()) },
    } as unknown as SQSRecord;
  }
});

describe('The log of the worker', () => {
  const aws = emulatedAws();

  it('contains the id of the event at every level, but never its body', async () => {
    const handlers = {
      'im.message.receive_v1': onEvent('im.message.receive_v1', ({ message }, { log }) => {
        if (message.content.includes('fail')) JSON.parse(JSON.parse(message.content).text);
        log.debug('a line of the handler', {
          problem: Object.assign(new Error('rejected'), { config: 'a bearer token' }),
        });
      }),
    };
    const modules = { v2: modulesOf(handlers), v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, { ...aws.environment, LOG_LEVEL: 'DEBUG' });
    const texts = [
      messageEvent('oc_1', 'a private matter'),
      messageEvent('oc_2', 'a private matter that makes it fail'),
    ];
    for (const text of texts) {
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await createQueue(aws.emulators.queueUrl).send(parseEnvelope(text) as never, event, new AbortController().signal);
    }
    await worker({ Records: await aws.drain() }, contextOf());
    const output = writtenLines().join('\n');
    expect(output).toContain('a line of the handler');
    expect(output).toContain('Error: rejected');
    expect(output).toContain('The event failed and will be retried');
    expect(output).toContain('SyntaxError: The text is not valid JSON');
    for (const text of texts) expect(output).toContain(JSON.parse(text).header.event_id);
    // V8 quotes the first characters of what it cannot parse.
    expect(output).not.toContain('a private');
    expect(output).not.toContain('a pri');
    expect(output).not.toContain('a bearer token');
  });
});

describe('Idempotency records', () => {
  const aws = emulatedAws();

  it('are written only for events with a handler, and expire after 72 hours', async () => {
    const handler = onEventV1('message', () => {});
    const modules = { v2: modulesOf({}), v1: modulesOf({ message: handler }), fallback: modulesOf({}) };
    const worker = createWorker(modules, aws.environment);
    for (const type of ['message', 'out_approval']) {
      const text = createSample(type, { version: '1.0', token: '' });
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await createQueue(aws.emulators.queueUrl).send(parseEnvelope(text) as never, event, new AbortController().signal);
    }
    await worker({ Records: await aws.drain() }, contextOf());
    const dynamo = new DynamoDBClient();
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: aws.emulators.claimsTable }));
    expect(Items.length).toBe(1);
    const expiration = Number(Items[0]?.expiration?.N) - Date.now() / 1000;
    expect(Math.round(expiration / 3600)).toBe(72);
    dynamo.destroy();
  });
});
