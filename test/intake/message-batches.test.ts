import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createBatchingSend } from '../../lib/intake/message-batches.ts';
import type { SendMessage, SqsSender } from '../../lib/intake/sqs-sender.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { type Fault, FaultyProxy, type ServiceRequest } from '../faults/faulty-proxy.ts';
import { type EmulatedAws, emulatedAws } from '../support/emulated-aws.ts';
import { wait } from '../support/wait.ts';

/** The messages of a request, by their bodies. */
const bodiesOf = ({ body }: ServiceRequest) =>
  ((body.Entries ?? [body]) as { MessageBody: string }[]).map(({ MessageBody }) => MessageBody);
const range = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);
const never = new AbortController().signal;

/** Sends through a proxy that records the requests, in the order in which they arrive. */
function proxiedQueue(aws: EmulatedAws) {
  let proxy: FaultyProxy;
  const state = {
    requests: [] as ServiceRequest[],
    decide: (_request: ServiceRequest): Fault | undefined => undefined,
    client: undefined as unknown as SqsSender['client'],
    send: (() => {}) as unknown as SendMessage,
    url: '',
    /** The bodies of the messages in the queue. */
    stored: async () => (await aws.drain()).map(({ body }) => body),
    message: (body: string, group?: string): SendMessageCommandInput => ({
      QueueUrl: state.url,
      MessageBody: body,
      ...(group !== undefined && { MessageGroupId: group, MessageDeduplicationId: randomUUID() }),
    }),
    sizes: () => state.requests.map((request) => bodiesOf(request).length),
    operations: () => new Set(state.requests.map(({ operation }) => operation)),
  };
  beforeEach(async () => {
    const { origin, pathname } = new URL(aws.emulators.queueUrl);
    proxy = await FaultyProxy.start({ target: origin });
    state.requests = [];
    state.decide = () => undefined;
    proxy.decide = (request) => {
      state.requests.push(request);
      return state.decide(request);
    };
    state.url = `${proxy.origin}${pathname}`;
    // Without the time limit of a request, so that a slow machine causes no retry.
    const client = new SQSClient({ endpoint: proxy.origin });
    const send: SendMessage = async (message, abortSignal) =>
      (await client.send(new SendMessageCommand(message), { abortSignal })).MessageId as string;
    Object.assign(state, { client, send: createBatchingSend({ send, client }) });
  });
  afterEach(async () => {
    state.client.destroy();
    await proxy.stop();
    await aws.drain();
  });
  return state;
}

/** Holds requests until they are released. */
function hold() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { fault: { until: promise }, release: resolve };
}

describe('Messages to a queue', () => {
  const aws = emulatedAws();
  const queue = proxiedQueue(aws);
  const sendAll = (bodies: readonly string[]) =>
    Promise.allSettled(bodies.map((body) => queue.send(queue.message(body), never)));

  it('that arrive together share requests, of ten messages at most', async () => {
    const sent = await sendAll(range(25));
    expect(queue.sizes().toSorted()).toEqual([10, 10, 5]);
    expect((await queue.stored()).toSorted()).toEqual(range(25).toSorted());
    const ids = sent.map((result) => result.status === 'fulfilled' && result.value);
    expect(new Set(ids).size).toBe(25);
  });

  it('are sent at once if they arrive one by one', async () => {
    const { fault, release } = hold();
    queue.decide = () => fault;
    const first = queue.send(queue.message('first'), never);
    await vi.waitFor(() => expect(queue.requests).toHaveLength(1), wait);
    const second = queue.send(queue.message('second'), never);
    await vi.waitFor(() => expect(queue.requests).toHaveLength(2), wait);
    expect(queue.operations()).toEqual(new Set(['SendMessage']));
    release();
    await Promise.all([first, second]);
  });

  it('wait if 16 requests are being sent, and then share the next ones', async () => {
    const { fault, release } = hold();
    queue.decide = () => fault;
    const sent: Promise<string>[] = [];
    for (const body of range(16)) {
      sent.push(queue.send(queue.message(body), never));
      await nextTurn();
    }
    await vi.waitFor(() => expect(queue.requests).toHaveLength(16), wait);
    sent.push(...range(12).map((body) => queue.send(queue.message(`late-${body}`), never)));
    await nextTurn();
    release();
    await Promise.all(sent);
    expect(queue.sizes()).toEqual([...Array(16).fill(1), 10, 2]);
  });

  it('have at most 1 MiB per request', async () => {
    const sent = await sendAll(['a', 'b', 'c'].map((letter) => letter.repeat(400 * 1024)));
    expect(sent.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(queue.sizes().toSorted()).toEqual([1, 2]);
  });

  it('are counted in bytes, not in characters', async () => {
    await sendAll(['好', '的'].map((letter) => letter.repeat(200 * 1024)));
    expect(queue.sizes()).toEqual([1, 1]);
  });

  it('fail one by one: SQS stores the others of a batch', async () => {
    const sent = await sendAll(['before', 'forbidden \uFFFE', 'after']);
    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sent[1]).toMatchObject({ reason: { name: expect.stringContaining('InvalidMessageContents') } });
    expect((await queue.stored()).toSorted()).toEqual(['after', 'before']);
  });

  it('are escaped if SQS rejects a character, without effect on the others of the batch', async () => {
    const { url, send, client } = queue;
    const events = createQueue(url, aws.environment, { send, client });
    const [plain = '', special = ''] = ['plain', '\uFFFE'].map((content) =>
      createSample('im.message.receive_v1', { version: '2.0', token: '' }).replace('{', `{"content":"${content}",`),
    );
    const sendEvent = (text: string) =>
      events.send(
        parseEnvelope(text) as EventEnvelope,
        { text, source: 'long-connection', receivedAt: new Date(), requestId: undefined },
        never,
      );
    await Promise.all([sendEvent(plain), sendEvent(special)]);
    const contents = (await queue.stored()).map((text) => JSON.parse(text).content);
    expect(contents.toSorted()).toEqual(['plain', '\uFFFE']);
  });

  it('that SQS could not store for the moment are sent again, by themselves and in their order', async () => {
    const Failed = range(3).map((Id) => ({ Id, Code: 'InternalError', SenderFault: false }));
    queue.decide = ({ operation }) => (operation === 'SendMessageBatch' ? { instead: { Failed } } : undefined);
    const sent = await sendAll(['a', 'b', 'c']);
    expect(sent.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(queue.requests.map(bodiesOf)).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  });

  it('do not count as stored if the response does not mention them', async () => {
    queue.decide = ({ operation }) =>
      operation === 'SendMessageBatch' ? { instead: {} } : { reject: { status: 400, code: 'QueueDoesNotExist' } };
    expect((await sendAll(['a', 'b'])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('are sent by themselves if SQS rejects the batch, because one of them may be the reason', async () => {
    queue.decide = ({ operation }) =>
      operation === 'SendMessageBatch' ? { reject: { status: 400, code: 'BatchRequestTooLong' } } : undefined;
    expect((await sendAll(['a', 'b'])).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect((await queue.stored()).toSorted()).toEqual(['a', 'b']);
  });

  it.each([
    ['SQS is unavailable', { reject: { status: 500, code: 'InternalError' } }],
    ['SQS limits the rate', { reject: { status: 400, code: 'RequestThrottled' } }],
    ['the connection is cut', { lose: 'cut' }],
  ] satisfies [string, Fault][])('fail after three attempts of their batch if %s', async (_, fault) => {
    queue.decide = () => fault;
    expect((await sendAll(['a', 'b'])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(queue.sizes()).toEqual([2, 2, 2]);
  });

  it('are still stored if the deadline of another one in the batch passes', async () => {
    const { fault, release } = hold();
    queue.decide = () => fault;
    const deadline = new AbortController();
    const sent = [queue.send(queue.message('late'), deadline.signal), queue.send(queue.message('in time'), never)];
    await vi.waitFor(() => expect(queue.requests).toHaveLength(1), wait);
    deadline.abort();
    release();
    await expect(sent[1]).resolves.toMatch(/./);
    await Promise.all(sent);
    expect(queue.requests).toHaveLength(1);
  });

  it('are given up when the deadlines of the whole batch have passed', async () => {
    const { fault, release } = hold();
    queue.decide = () => fault;
    const deadlines = [new AbortController(), new AbortController()];
    const sent = Promise.allSettled(
      deadlines.map(({ signal }, index) => queue.send(queue.message(`${index}`), signal)),
    );
    await vi.waitFor(() => expect(queue.requests).toHaveLength(1), wait);
    for (const deadline of deadlines) deadline.abort();
    expect((await sent).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    release();
  });

  it('are not sent if their deadline passes while they wait', async () => {
    const { fault, release } = hold();
    queue.decide = () => fault;
    const held: Promise<string>[] = [];
    for (const body of range(16)) {
      held.push(queue.send(queue.message(body), never));
      await nextTurn();
    }
    const deadline = new AbortController();
    const late = queue.send(queue.message('late'), deadline.signal);
    const inTime = queue.send(queue.message('in time'), never);
    deadline.abort();
    release();
    await expect(late).rejects.toThrow('aborted');
    await Promise.all([inTime, ...held]);
    expect(queue.requests.flatMap(bodiesOf)).not.toContain('late');
  });
});

describe('Messages to a FIFO queue', () => {
  const queue = proxiedQueue(emulatedAws({ ordering: 'conversation' }));
  const send = (body: string, group: string) => queue.send(queue.message(body, group), never);

  it('keep their order within a batch', async () => {
    await Promise.all(range(10).map((body) => send(body, 'a')));
    expect(queue.requests).toHaveLength(1);
    expect(await queue.stored()).toEqual(range(10));
  });

  it('wait for earlier ones of their group, but not for those of others', async () => {
    const { fault, release } = hold();
    queue.decide = (request) => (bodiesOf(request).includes('a1') ? fault : undefined);
    const first = send('a1', 'a');
    await vi.waitFor(() => expect(queue.requests).toHaveLength(1), wait);
    const later = Promise.all([send('a2', 'a'), send('a3', 'a')]);
    await send('b1', 'b');
    expect(queue.requests.map(bodiesOf)).toEqual([['a1'], ['b1']]);
    release();
    await Promise.all([first, later]);
    expect(queue.requests.map(bodiesOf).at(-1)).toEqual(['a2', 'a3']);
    expect((await queue.stored()).filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  });

  it('are sent after earlier ones of their group that are sent again', async () => {
    const { fault, release } = hold();
    const Failed = ['0', '1'].map((Id) => ({ Id, Code: 'InternalError', SenderFault: false }));
    queue.decide = (request) => {
      if (request.operation === 'SendMessageBatch' && bodiesOf(request).includes('a1')) return { instead: { Failed } };
      return bodiesOf(request).includes('a1') ? fault : undefined;
    };
    const earlier = [send('a1', 'a'), send('b1', 'b')];
    await vi.waitFor(() => expect(queue.requests).toHaveLength(2), wait);
    const later = send('a2', 'a');
    await send('c1', 'c');
    release();
    await Promise.all([...earlier, later]);
    expect((await queue.stored()).filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2']);
  });

  it('do not wait for a message that failed', async () => {
    queue.decide = (request) =>
      bodiesOf(request).includes('a1') ? { reject: { status: 400, code: 'QueueDoesNotExist' } } : undefined;
    await expect(send('a1', 'a')).rejects.toThrow();
    await send('a2', 'a');
    expect(await queue.stored()).toEqual(['a2']);
  });
});
