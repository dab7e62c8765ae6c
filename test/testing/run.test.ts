import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import {
  Continue,
  Drop,
  type EventContext,
  onCallback,
  onEvent,
  onEventV1,
  onUnhandledEvent,
  RetryAfter,
} from '../../lib/handler.ts';
import { readMessage } from '../../lib/messages/message.ts';
import { startMockPlatform } from '../../lib/mock-platform/start-mock-platform.ts';
import { createSample, samplePayload, textMessage } from '../../lib/samples/samples.ts';
import { chatState, userState } from '../../lib/state/state.ts';
import type { TestState } from '../../lib/testing/memory-state.ts';
import { run } from '../../lib/testing/run.ts';

const event = textMessage('Hello');
/** Creates a handler for messages. */
const onMessage = (handle: (context: EventContext) => unknown) =>
  onEvent('im.message.receive_v1', (_, context) => handle(context));
const throwing = (error: unknown) =>
  onMessage(() => {
    throw error;
  });
const throwingFrom = (createError: () => Error) =>
  onMessage(() => {
    throw createError();
  });
const text = (type: string, version: '1.0' | '2.0') => createSample(type, { version, token: '' });

describe('run', () => {
  it('passes the payload and a header to the handler, and reports that it was handled', async () => {
    let received: unknown;
    const handler = onEvent('im.message.receive_v1', (payload, { header, source, attempt }) => {
      received = { payload, header, source, attempt };
    });
    expect(await run(handler, event)).toEqual({ outcome: 'handled', log: [], calls: [], uuids: {}, streams: [] });
    expect(received).toEqual({
      payload: event,
      header: {
        id: 'test-event',
        type: 'im.message.receive_v1',
        version: '2.0',
        tenant: 'test-tenant',
        app: 'cli_test',
        created: undefined,
        fields: {
          event_id: 'test-event',
          event_type: 'im.message.receive_v1',
          tenant_key: 'test-tenant',
          app_id: 'cli_test',
        },
      },
      source: 'webhook',
      attempt: 1,
    });
  });

  it('sends the calls of the client to a mock platform, which has the message of the event', async () => {
    await using mockPlatform = await startMockPlatform();
    const { platform } = mockPlatform;
    const echo = onEvent('im.message.receive_v1', async ({ message: { message_id, content } }, { feishu, uuid }) => {
      const data = { msg_type: 'text', content, uuid: uuid('echo') };
      await feishu.im.message.reply({ path: { message_id }, data });
    });
    platform.failNext({ api: 'POST /open-apis/im/v1/messages/:message_id/reply', code: 230020 });
    expect(await run(echo, event, { mockPlatform })).toMatchObject({ outcome: 'retrying' });
    for (let attempt = 2; attempt <= 3; attempt++) {
      expect(await run(echo, event, { mockPlatform, attempt })).toMatchObject({
        outcome: 'handled',
        calls: [{ name: 'im.message.reply' }],
      });
    }
    expect(platform.state.messages()).toMatchObject([
      { senderType: 'user', messageId: event.message.message_id },
      { senderType: 'app', content: event.message.content, parentId: event.message.message_id },
    ]);
  });

  it('passes the header, source and attempt from the options', async () => {
    let received: unknown;
    const handler = onMessage(({ header, source, attempt }) => {
      received = { id: header.id, tenant: header.tenant, type: header.type, source, attempt };
    });
    await run(handler, event, { header: { id: 'e-1', tenant: 't-1' }, source: 'long-connection', attempt: 3 });
    const type = 'im.message.receive_v1';
    expect(received).toEqual({ id: 'e-1', tenant: 't-1', type, source: 'long-connection', attempt: 3 });
  });

  it('adds fields from the options to those of the header', async () => {
    let received: unknown;
    const handler = onMessage(({ header }) => {
      received = header.fields;
    });
    await run(handler, event, { header: { fields: { resource_id: 'doccn1' } } });
    expect(received).toMatchObject({ resource_id: 'doccn1', event_id: 'test-event' });
    await run(handler, text('im.message.receive_v1', '2.0'), { header: { fields: { resource_id: 'doccn2' } } });
    expect(received).toMatchObject({ resource_id: 'doccn2', create_time: expect.any(String) });
  });

  it('passes the raw JSON of a payload in the envelope of its version', async () => {
    const received: string[] = [];
    const record = ({ rawJson }: Pick<EventContext, 'rawJson'>) => void received.push(rawJson());
    await run(onMessage(record), event);
    await run(
      onEventV1('out_approval', (_, context) => record(context)),
      samplePayload('out_approval'),
    );
    await run(
      onCallback('card.action.trigger_v1', (_, context) => record(context) ?? {}),
      samplePayload('card.action.trigger_v1'),
    );
    expect(received.map((json) => (parseEnvelope(json) as EventEnvelope).header)).toMatchObject([
      { id: 'test-event', type: 'im.message.receive_v1', version: '2.0', tenant: 'test-tenant' },
      { id: 'test-event', type: 'out_approval', version: '1.0' },
      { id: undefined, type: 'card.action.trigger_v1', version: '1.0' },
    ]);
  });

  it('passes exact integers of a complete event', async () => {
    let received: unknown;
    const handler = onUnhandledEvent((rounded, { exactEvent, rawJson }) => {
      received = { rounded, exact: exactEvent(), rawJson: rawJson() };
    });
    const json =
      '{"schema":"2.0","header":{"event_type":"drive.file.edit_v1"},"event":{"revision":9223372036854775807}}';
    await run(handler, json);
    expect(received).toEqual({
      rounded: { revision: 9223372036854776000 },
      exact: { revision: 9223372036854775807n },
      rawJson: json,
    });
  });

  it('accepts a complete event with its header, as the platform sends it', async () => {
    const completeEvent = text('out_approval', '1.0');
    let received: unknown;
    const handler = onEventV1('out_approval', (payload, { header }) => {
      received = { payload, header };
    });
    expect(await run(handler, completeEvent)).toMatchObject({ outcome: 'handled' });
    const { event: payload, header } = parseEnvelope(completeEvent) as Exclude<
      ReturnType<typeof parseEnvelope>,
      { kind: 'url-verification' }
    >;
    expect(received).toEqual({ payload, header });
  });

  it.each([
    ['an event of another type', text('im.message.recalled_v1', '2.0'), /handler is for im\.message\.receive_v1, but/],
    ['a URL verification', '{"type":"url_verification","challenge":"c"}', /does not reach a handler/],
    ['JSON that is not an event', '{}', /not a known kind of event/],
  ])('rejects %s', async (_, json, message) => {
    await expect(run(throwing(new Error('It ran')), json)).rejects.toThrow(message);
  });

  it('runs a fallback handler with an event of any type', async () => {
    let type: string | undefined;
    const handler = onUnhandledEvent((_, { header }) => {
      type = header.type;
    });
    expect(await run(handler, text('im.message.recalled_v1', '2.0'))).toMatchObject({ outcome: 'handled' });
    expect(type).toBe('im.message.recalled_v1');
  });

  it('captures log lines at all levels', async () => {
    const handler = onMessage(({ log }) => {
      log.debug('Looking');
      log.error('Not found', { chat: 'oc_1' });
    });
    expect((await run(handler, event)).log).toEqual([
      { level: 'debug', message: 'Looking', fields: {} },
      { level: 'error', message: 'Not found', fields: { chat: 'oc_1' } },
    ]);
  });

  it('reports why an event was dropped', async () => {
    expect(await run(throwing(new Drop('not for us')), event)).toMatchObject({
      outcome: 'dropped',
      reason: 'not for us',
    });
  });

  it.each([
    [1, 1, 1],
    [2, 4, 8],
    [3, 32, 64],
    [4, 256, 512],
  ])('reports the delay before a retry after attempt %i', async (attempt, minimum, maximum) => {
    const error = new Error('The database is down');
    expect(await run(throwing(error), event, { attempt })).toMatchObject({
      outcome: 'retrying',
      error,
      afterSeconds: { minimum, maximum },
    });
  });

  it('reports the delay of a RetryAfter', async () => {
    expect(await run(throwing(new RetryAfter(60, 'rate limited')), event)).toMatchObject({
      outcome: 'retrying',
      afterSeconds: { minimum: 60, maximum: 60 },
    });
  });

  it('passes a state to continue with, and reports the state that the handler continues with', async () => {
    const handler = onMessage(({ continued }) => {
      const { pages } = (continued?.state ?? { pages: [] }) as { pages: number[] };
      if (pages.length < 2) throw new Continue({ pages: [...pages, continued?.count ?? 0] }, { afterSeconds: 30 });
    });
    const first = await run(handler, event);
    expect(first).toMatchObject({ outcome: 'continued', state: { pages: [0] }, afterSeconds: 30 });
    const continued = { state: { pages: [0] }, count: 1 };
    expect(await run(handler, event, { continued, attempt: 5 })).toMatchObject({ state: { pages: [0, 1] } });
    const last = await run(handler, event, { continued: { state: { pages: [0, 1] }, count: 2 } });
    expect(last.outcome).toBe('handled');
  });

  it.each([
    ['is not JSON', () => undefined, 'must be a JSON value, not undefined'],
    ['contains a bigint', () => ({ id: 1n }), 'cannot be stored as JSON'],
    ['is larger than 256 KiB', () => '飞'.repeat(87_382), 'has 262148 bytes, but at most 262144'],
  ])('fails an event whose state %s', async (_, state, message) => {
    const result = await run(
      throwingFrom(() => new Continue(state())),
      event,
    );
    expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining(message) } });
  });

  it('fails an event that continues after an invalid delay', async () => {
    const result = await run(
      throwingFrom(() => new Continue(1, { afterSeconds: 43_000 })),
      event,
    );
    expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining('not 43000') } });
  });

  it.each([
    ['a response with a code', () => ({ code: 99991400, msg: 'too many' })],
    ['an error with status 429', () => Promise.reject(Object.assign(new Error('429'), { response: { status: 429 } }))],
  ])('reports that an event waits for a rate limit if a stub returns %s', async (_, reply) => {
    const handler = onMessage(({ feishu }) => feishu.im.message.reply({ path: { message_id: 'om_1' } } as never));
    const result = await run(handler, event, { attempt: 5, feishu: { im: { message: { reply } } } });
    expect(result).toMatchObject({ outcome: 'limited', error: expect.any(Error), afterSeconds: expect.any(Number) });
  });

  it('changes the state that the test passes, which the handlers of several runs share', async () => {
    const state: TestState = { users: { [String(event.sender.sender_id?.open_id)]: { name: 'Ada' } } };
    const handler = onEvent('im.message.receive_v1', async (payload, context) => {
      const { value: user } = await userState<{ name: string }>(payload, context).get();
      const chat = chatState<string[]>(payload, context);
      const { value: names = [], version } = await chat.get();
      await chat.set([...names, String(user?.name)], { ifVersion: version, expiresInSeconds: 60 });
    });
    await run(handler, event, { state });
    await run(handler, event, { state });
    expect(state.chats).toEqual({ [event.message.chat_id]: ['Ada', 'Ada'] });
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
    expect(state.chats?.[event.message.chat_id]).toHaveLength(2);
  });

  it('fails an event whose state the test changes between get and set', async () => {
    const state: TestState = {};
    const handler = onEvent('im.message.receive_v1', async (payload, context) => {
      const chat = chatState(payload, context);
      const { version } = await chat.get();
      await context.feishu.im.message.list({ params: { container_id_type: 'chat', container_id: 'oc_1' } });
      await chat.set(1, { ifVersion: version });
    });
    const list = () => {
      state.chats = { [event.message.chat_id]: 2 };
      return { code: 0 };
    };
    const result = await run(handler, event, { state, feishu: { im: { message: { list } } } });
    expect(result).toMatchObject({ outcome: 'retrying', error: { name: 'StateConflict' } });
  });

  it('reports that an event is dead after its fifth failure', async () => {
    const error = new RetryAfter(60, 'rate limited');
    expect(await run(throwing(error), event, { attempt: 5 })).toMatchObject({ outcome: 'dead', error });
  });

  it('aborts the signal of a handler that times out, and fails the event', async () => {
    let isAborted: boolean | undefined;
    const handler = onMessage(async ({ signal }) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      isAborted = signal.aborted;
      await new Promise(() => {});
    });
    const result = await run(handler, event, { withinMilliseconds: 10 });
    expect(result).toMatchObject({ outcome: 'retrying', error: { name: 'TimeoutError' } });
    expect(isAborted).toBe(true);
  });

  it('creates the same uuid only for the same event and label', async () => {
    const handler = onMessage(({ uuid }) => [uuid('echo'), uuid('log')]);
    const { uuids } = await run(handler, event);
    expect(Object.keys(uuids)).toEqual(['echo', 'log']);
    expect(uuids.echo).not.toBe(uuids.log);
    expect((await run(handler, event, { attempt: 4 })).uuids).toEqual(uuids);
    expect((await run(handler, textMessage('Hello'))).uuids).not.toEqual(uuids);
  });
});

describe('The client that run passes to the handler', () => {
  const reply = (feishu: EventContext['feishu']) =>
    feishu.im.message.reply({ path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } });

  it('records calls and returns success', async () => {
    let responses: unknown;
    const handler = onMessage(async ({ feishu }) => {
      responses = [await reply(feishu), await feishu.request({ method: 'GET', url: '/open-apis/bot/v3/info' })];
    });
    const { calls, outcome } = await run(handler, event);
    expect(outcome).toBe('handled');
    expect(responses).toEqual([
      expect.objectContaining({ code: 0, msg: 'success', data: {} }),
      expect.objectContaining({ code: 0, msg: 'success', data: {} }),
    ]);
    expect(calls).toEqual([
      {
        name: 'im.message.reply',
        payload: { path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } },
      },
      { name: 'request', payload: { method: 'GET', url: '/open-apis/bot/v3/info' } },
    ]);
  });

  it('returns what a stub returns, and throws what a stub throws', async () => {
    let response: unknown;
    const handler = onMessage(async ({ feishu }) => {
      response = await reply(feishu);
      await feishu.im.v1.chat.get({ path: { chat_id: 'oc_1' } });
    });
    const result = await run(handler, event, {
      feishu: {
        im: {
          message: { reply: (payload) => ({ code: 0, data: { message_id: `${payload?.path.message_id}-reply` } }) },
          v1: { chat: { get: () => Promise.reject(new Error('connect ETIMEDOUT')) } },
        },
      },
    });
    expect(response).toEqual({ code: 0, data: { message_id: 'om_1-reply' } });
    expect(result).toMatchObject({ outcome: 'retrying', error: { message: 'connect ETIMEDOUT' } });
    expect(result.calls.map(({ name }) => name)).toEqual(['im.message.reply', 'im.v1.chat.get']);
  });

  it('detects a missing path argument, like the SDK', async () => {
    const handler = onMessage(({ feishu }) =>
      feishu.im.message.reply({ path: {} as { message_id: string }, data: { msg_type: 'text', content: '{}' } }),
    );
    expect(await run(handler, event)).toMatchObject({
      outcome: 'retrying',
      error: { message: 'request miss message_id path argument' },
    });
  });

  it('iterates over the pages of a list', async () => {
    const pages: unknown[] = [];
    const handler = onMessage(async ({ feishu }) => {
      for await (const page of await feishu.im.chat.listWithIterator()) pages.push(page);
    });
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
    expect(pages).toEqual([{}]);
  });

  it('fails the test if the SDK has no such method, even if the handler catches the error', async () => {
    const handler = onMessage(async ({ feishu, log }) => {
      try {
        await (feishu.im.message as unknown as { answer(): Promise<void> }).answer();
      } catch {
        log.warn('Never mind');
      }
    });
    await expect(run(handler, event)).rejects.toThrow(/The SDK's client has no im\.message\.answer\. .*\breply\b/);
  });

  it('fails the test if a file is downloaded without a stub', async () => {
    const handler = onMessage(({ feishu }) =>
      feishu.im.messageResource.get({ path: { message_id: 'om_1', file_key: 'f' }, params: { type: 'file' } }),
    );
    await expect(run(handler, event)).rejects.toThrow(/downloads a file: stub the method/);
  });

  it('rejects a stub that does not match a method', async () => {
    const stubs = { im: { message: { answer: () => ({}) } } } as object;
    await expect(
      run(
        onMessage(() => {}),
        event,
        { feishu: stubs },
      ),
    ).rejects.toThrow("Stub im.message.answer does not match a method of the SDK's client");
  });

  it('can be printed and awaited', async () => {
    const handler = onMessage(async ({ feishu }) => {
      expect(JSON.stringify({ calls: await feishu.im.message }).length).toBeGreaterThan(0);
    });
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
  });
});

describe('run with a streamed reply', () => {
  const streaming = (end: () => unknown) =>
    onEvent('im.message.receive_v1', async (payload, context) => {
      const stream = await readMessage(payload, context).reply.stream();
      stream.write('Hello');
      stream.write(' world');
      await end();
      await stream.end();
    });

  it('records the text that the card shows', async () => {
    const { outcome, streams, calls } = await run(
      streaming(() => {}),
      event,
    );
    expect({ outcome, streams }).toEqual({ outcome: 'handled', streams: ['Hello world'] });
    expect(calls.map(({ name }) => name)).toContain('cardkit.v1.cardElement.content');
  });

  it('records what remains if the event fails for good', async () => {
    const failing = streaming(() => Promise.reject(new Drop('not wanted')));
    const { streams } = await run(failing, event);
    expect(streams[0]).toContain('this answer could not be completed');
  });
});

describe('run with a callback', () => {
  const click = samplePayload('card.action.trigger');

  it('returns the response that the platform receives', async () => {
    const handler = onCallback('card.action.trigger', async ({ action }, { log }) => {
      log.info('clicked', { name: action.name });
      return { toast: { content: 'Done', type: 'success' }, card: undefined as never };
    });
    expect(await run(handler, click)).toEqual({
      outcome: 'answered',
      answer: { toast: { content: 'Done', type: 'success' } },
      log: [{ level: 'info', message: 'clicked', fields: { name: 'confirm' } }],
      calls: [],
      uuids: {},
      streams: [],
    });
  });

  it('records the calls of the client, with the ids that the event handler of the callback gets', async () => {
    const handler = onCallback('card.action.trigger', async (_, { feishu, uuid }) => {
      const data = { msg_type: 'text', content: '{"text":"Noted"}', uuid: uuid('note') };
      const { data: message } = await feishu.im.message.reply({ path: { message_id: 'om_1' }, data });
      return { toast: { content: String(message?.message_id) } };
    });
    const callback = createSample('card.action.trigger', { version: '2.0', token: '' });
    const result = await run(handler, callback, {
      feishu: { im: { message: { reply: () => ({ code: 0, data: { message_id: 'om_2' } }) } } },
    });
    expect(result).toMatchObject({
      outcome: 'answered',
      answer: { toast: { content: 'om_2' } },
      calls: [{ name: 'im.message.reply', payload: { data: { uuid: result.uuids.note } } }],
    });
    const { uuids } = await run(
      onUnhandledEvent((_, { uuid }) => uuid('note')),
      callback,
    );
    expect(uuids).toEqual(result.uuids);
  });

  it('rejects if the handler calls a method that the client does not have', async () => {
    const handler = onCallback('card.action.trigger', (_, { feishu }) => {
      try {
        Reflect.get(feishu, 'message');
      } catch {
        // As a handler that logs the error and responds.
      }
      return {};
    });
    await expect(run(handler, click)).rejects.toThrow("The SDK's client has no message.");
  });

  it('returns an empty response if the handler returns nothing', async () => {
    const handler = onCallback('card.action.trigger', () => undefined);
    expect(await run(handler, click)).toMatchObject({ outcome: 'answered', answer: {} });
  });

  it('returns the error shown to the user if the handler throws', async () => {
    const error = new Error('No such order');
    const handler = onCallback('card.action.trigger', () => {
      throw error;
    });
    expect(await run(handler, click)).toMatchObject({
      outcome: 'failed',
      error,
      answer: { toast: { type: 'error', content: 'Something went wrong. Please try again.' } },
    });
  });

  it('returns that error if the handler times out', async () => {
    const handler = onCallback('card.action.trigger', () => new Promise<never>(() => {}));
    expect(await run(handler, click, { withinMilliseconds: 10 })).toMatchObject({
      outcome: 'failed',
      error: { name: 'TimeoutError' },
    });
  });

  it('returns that error if the response is not JSON', async () => {
    const handler = onCallback('card.action.trigger', () => ({ card: { type: 'raw', data: { count: 1n } } }));
    expect(await run(handler, click)).toMatchObject({ outcome: 'failed', error: { name: 'TypeError' } });
  });

  it('treats the old card callback as v1.0', async () => {
    let version: string | undefined;
    const handler = onCallback('card.action.trigger_v1', (_, { header }) => {
      version = header.version;
      return {};
    });
    await run(handler, samplePayload('card.action.trigger_v1'));
    expect(version).toBe('1.0');
    await run(handler, text('card.action.trigger_v1', '1.0'));
    expect(version).toBe('1.0');
  });
});

describe('An error that escapes a handler', () => {
  const error = new Error('The audit log is down');
  const click = samplePayload('card.action.trigger');
  const never = () => new Promise<never>(() => {});
  const reject = async () => {
    throw error;
  };

  /** Replaces the test runner's listener, which would fail the run. */
  function replaceTestRunnerListener() {
    const listener = vi.fn();
    const originalListeners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection');
      for (const original of originalListeners) process.on('unhandledRejection', original);
    });
    return listener;
  }

  it.each([
    ['in a promise that is not awaited', () => void reject()],
    ['in a timer', () => void setTimeout(() => void reject(), 1)],
    [
      'as an exception in a timer',
      () =>
        void setTimeout(() => {
          throw error;
        }, 1),
    ],
  ])('fails the event while the handler runs: %s', async (_, letEscape) => {
    const handler = onMessage(async () => {
      letEscape();
      await never();
    });
    expect(await run(handler, event)).toMatchObject({ outcome: 'retrying', error });
    expect(await run(handler, event, { attempt: 5 })).toMatchObject({ outcome: 'dead', error });
  });

  it('fails only its own event, not another that runs at the same time', async () => {
    const [failed, handled] = await Promise.all([
      run(
        onMessage(async () => {
          void reject();
          await never();
        }),
        event,
      ),
      run(
        onMessage(() => sleep(20)),
        event,
      ),
    ]);
    expect(failed).toMatchObject({ outcome: 'retrying', error });
    expect(handled.outcome).toBe('handled');
  });

  it('aborts the handler’s signal', async () => {
    const handler = onMessage(async ({ signal, log }) => {
      signal.addEventListener('abort', () => log.info('aborted', { reason: signal.reason }));
      void reject();
      await never();
    });
    expect((await run(handler, event)).log).toMatchObject([{ message: 'aborted', fields: { reason: error } }]);
  });

  it('counts as an error even if it is undefined', async () => {
    const handler = onMessage(async () => {
      void Promise.reject();
      await never();
    });
    expect(await run(handler, event)).toMatchObject({
      error: { message: 'A promise was rejected with undefined' },
    });
  });

  it('fails a callback while its handler runs', async () => {
    const handler = onCallback('card.action.trigger', () => {
      void reject();
      return never();
    });
    expect(await run(handler, click)).toMatchObject({
      outcome: 'failed',
      error,
      answer: { toast: { type: 'error' } },
    });
  });

  it('goes to the test runner after the handler has returned', async () => {
    const testRunner = replaceTestRunnerListener();
    const handler = onMessage(() => void reject());
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
    await vi.waitFor(() => expect(testRunner).toHaveBeenCalledWith(error, expect.any(Promise)));
  });

  it('goes to the test runner if no handler caused it, even while one runs', async () => {
    const testRunner = replaceTestRunnerListener();
    const running = run(
      onMessage(() => vi.waitFor(() => expect(testRunner).toHaveBeenCalledOnce())),
      event,
    );
    void reject();
    expect(await running).toMatchObject({ outcome: 'handled' });
  });
});
