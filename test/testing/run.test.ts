import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import {
  Drop,
  type EventContext,
  onCallback,
  onEvent,
  onEventV1,
  onUnhandledEvent,
  RetryAfter,
} from '../../lib/handler.ts';
import { createSample, samplePayload, textMessage } from '../../lib/samples/samples.ts';
import { run } from '../../lib/testing/run.ts';

const event = textMessage('Hello');
/** A handler of messages. */
const onMessage = (handle: (context: EventContext) => unknown) =>
  onEvent('im.message.receive_v1', (_, context) => handle(context));
const throwing = (error: unknown) =>
  onMessage(() => {
    throw error;
  });
const text = (type: string, version: '1.0' | '2.0') => createSample(type, { version, token: '' });

describe('run', () => {
  it('gives the handler the payload and a header, and says that it was handled', async () => {
    let received: unknown;
    const handler = onEvent('im.message.receive_v1', (payload, { header, source, attempt }) => {
      received = { payload, header, source, attempt };
    });
    expect(await run(handler, event)).toEqual({ outcome: 'handled', log: [], calls: [], uuids: {} });
    expect(received).toEqual({
      payload: event,
      header: {
        id: 'test-event',
        type: 'im.message.receive_v1',
        version: '2.0',
        tenant: 'test-tenant',
        app: 'cli_test',
        created: undefined,
      },
      source: 'webhook',
      attempt: 1,
    });
  });

  it('gives it what the options say instead', async () => {
    let received: unknown;
    const handler = onMessage(({ header, source, attempt }) => {
      received = { id: header.id, tenant: header.tenant, type: header.type, source, attempt };
    });
    await run(handler, event, { header: { id: 'e-1', tenant: 't-1' }, source: 'long-connection', attempt: 3 });
    const type = 'im.message.receive_v1';
    expect(received).toEqual({ id: 'e-1', tenant: 't-1', type, source: 'long-connection', attempt: 3 });
  });

  it('takes a whole event as the platform sends it, with its header', async () => {
    const whole = text('out_approval', '1.0');
    let received: unknown;
    const handler = onEventV1('out_approval', (payload, { header }) => {
      received = { payload, header };
    });
    expect(await run(handler, whole)).toMatchObject({ outcome: 'handled' });
    const { event: payload, header } = parseEnvelope(whole) as Exclude<
      ReturnType<typeof parseEnvelope>,
      { kind: 'url-verification' }
    >;
    expect(received).toEqual({ payload, header });
  });

  it.each([
    ['an event of another type', text('im.message.recalled_v1', '2.0'), /handler is for im\.message\.receive_v1, but/],
    ['a URL verification', '{"type":"url_verification","challenge":"c"}', /reaches no handler/],
    ['what is no event', '{}', /not a known kind of event/],
  ])('refuses %s', async (_, whole, message) => {
    await expect(run(throwing(new Error('It ran')), whole)).rejects.toThrow(message);
  });

  it('lets a fallback handle an event of any type', async () => {
    let type: string | undefined;
    const handler = onUnhandledEvent((_, { header }) => {
      type = header.type;
    });
    expect(await run(handler, text('im.message.recalled_v1', '2.0'))).toMatchObject({ outcome: 'handled' });
    expect(type).toBe('im.message.recalled_v1');
  });

  it('keeps the lines of the log at all levels', async () => {
    const handler = onMessage(({ log }) => {
      log.debug('Looking');
      log.error('Not found', { chat: 'oc_1' });
    });
    expect((await run(handler, event)).log).toEqual([
      { level: 'debug', message: 'Looking', fields: {} },
      { level: 'error', message: 'Not found', fields: { chat: 'oc_1' } },
    ]);
  });

  it('says why an event was dropped', async () => {
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
  ])('says when an event comes back after its failure %i', async (attempt, minimum, maximum) => {
    const error = new Error('The database is down');
    expect(await run(throwing(error), event, { attempt })).toMatchObject({
      outcome: 'retrying',
      error,
      afterSeconds: { minimum, maximum },
    });
  });

  it('says when a RetryAfter brings it back', async () => {
    expect(await run(throwing(new RetryAfter(60, 'rate limited')), event)).toMatchObject({
      outcome: 'retrying',
      afterSeconds: { minimum: 60, maximum: 60 },
    });
  });

  it('says that an event is dead after its fifth failure', async () => {
    const error = new RetryAfter(60, 'rate limited');
    expect(await run(throwing(error), event, { attempt: 5 })).toMatchObject({ outcome: 'dead', error });
  });

  it('takes a late handler for failed, and tells it by the signal', async () => {
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

  it('gives the same uuid for the same event and label, and another for any other', async () => {
    const handler = onMessage(({ uuid }) => [uuid('echo'), uuid('log')]);
    const { uuids } = await run(handler, event);
    expect(Object.keys(uuids)).toEqual(['echo', 'log']);
    expect(uuids.echo).not.toBe(uuids.log);
    expect((await run(handler, event, { attempt: 4 })).uuids).toEqual(uuids);
    expect((await run(handler, textMessage('Hello'))).uuids).not.toEqual(uuids);
  });
});

describe('The client that run gives', () => {
  const reply = (feishu: EventContext['feishu']) =>
    feishu.im.message.reply({ path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } });

  it('records the calls, and answers that they succeeded', async () => {
    let answers: unknown;
    const handler = onMessage(async ({ feishu }) => {
      answers = [await reply(feishu), await feishu.request({ method: 'GET', url: '/open-apis/bot/v3/info' })];
    });
    const { calls, outcome } = await run(handler, event);
    expect(outcome).toBe('handled');
    expect(answers).toEqual([
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

  it('returns what a stub returns, and fails as a stub fails', async () => {
    let answer: unknown;
    const handler = onMessage(async ({ feishu }) => {
      answer = await reply(feishu);
      await feishu.im.v1.chat.get({ path: { chat_id: 'oc_1' } });
    });
    const result = await run(handler, event, {
      feishu: {
        im: {
          message: { reply: (payload) => ({ code: 0, data: { message_id: `${payload?.path.message_id}-answer` } }) },
          v1: { chat: { get: () => Promise.reject(new Error('connect ETIMEDOUT')) } },
        },
      },
    });
    expect(answer).toEqual({ code: 0, data: { message_id: 'om_1-answer' } });
    expect(result).toMatchObject({ outcome: 'retrying', error: { message: 'connect ETIMEDOUT' } });
    expect(result.calls.map(({ name }) => name)).toEqual(['im.message.reply', 'im.v1.chat.get']);
  });

  it('finds a path argument that is missing, as the SDK does', async () => {
    const handler = onMessage(({ feishu }) =>
      feishu.im.message.reply({ path: {} as { message_id: string }, data: { msg_type: 'text', content: '{}' } }),
    );
    expect(await run(handler, event)).toMatchObject({
      outcome: 'retrying',
      error: { message: 'request miss message_id path argument' },
    });
  });

  it('goes through the pages of a list', async () => {
    const pages: unknown[] = [];
    const handler = onMessage(async ({ feishu }) => {
      for await (const page of await feishu.im.chat.listWithIterator()) pages.push(page);
    });
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
    expect(pages).toEqual([{}]);
  });

  it('makes the test fail where the SDK has no such method, even if the handler catches it', async () => {
    const handler = onMessage(async ({ feishu, log }) => {
      try {
        await (feishu.im.message as unknown as { answer(): Promise<void> }).answer();
      } catch {
        log.warn('Never mind');
      }
    });
    await expect(run(handler, event)).rejects.toThrow(/The SDK's client has no im\.message\.answer\. .*\breply\b/);
  });

  it('makes the test fail where a file is downloaded that no stub gives', async () => {
    const handler = onMessage(({ feishu }) =>
      feishu.im.messageResource.get({ path: { message_id: 'om_1', file_key: 'f' }, params: { type: 'file' } }),
    );
    await expect(run(handler, event)).rejects.toThrow(/downloads a file: stub the call/);
  });

  it('refuses a stub at a place where there is no method', async () => {
    const stubs = { im: { message: { answer: () => ({}) } } } as object;
    await expect(
      run(
        onMessage(() => {}),
        event,
        { feishu: stubs },
      ),
    ).rejects.toThrow("There is a stub of im.message.answer, but no such method of the SDK's client");
  });

  it('can be printed and awaited', async () => {
    const handler = onMessage(async ({ feishu }) => {
      expect(JSON.stringify({ calls: await feishu.im.message }).length).toBeGreaterThan(0);
    });
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
  });
});

describe('run with a callback', () => {
  const click = samplePayload('card.action.trigger');

  it('gives the answer as the platform gets it', async () => {
    const handler = onCallback('card.action.trigger', async ({ action }, { log }) => {
      log.info('clicked', { name: action.name });
      return { toast: { content: 'Done', type: 'success' }, card: undefined as never };
    });
    expect(await run(handler, click)).toEqual({
      outcome: 'answered',
      answer: { toast: { content: 'Done', type: 'success' } },
      log: [{ level: 'info', message: 'clicked', fields: { name: 'confirm' } }],
    });
  });

  it('answers with nothing where the handler returns nothing', async () => {
    const handler = onCallback('card.action.trigger', () => undefined);
    expect(await run(handler, click)).toMatchObject({ outcome: 'answered', answer: {} });
  });

  it('shows the error that the person would see when the handler throws', async () => {
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

  it('shows it when the handler is late', async () => {
    const handler = onCallback('card.action.trigger', () => new Promise<never>(() => {}));
    expect(await run(handler, click, { withinMilliseconds: 10 })).toMatchObject({
      outcome: 'failed',
      error: { name: 'TimeoutError' },
    });
  });

  it('shows it when the answer is no JSON', async () => {
    const handler = onCallback('card.action.trigger', () => ({ card: { type: 'raw', data: { count: 1n } } }));
    expect(await run(handler, click)).toMatchObject({ outcome: 'failed', error: { name: 'TypeError' } });
  });

  it('knows that the old card callback is of v1.0', async () => {
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

  /** Takes the place of the test runner, which would fail the run. */
  function listenAsTheTestRunner() {
    const listener = vi.fn();
    const runners = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener);
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection');
      for (const runner of runners) process.on('unhandledRejection', runner);
    });
    return listener;
  }

  it.each([
    ['in a promise that it does not await', () => void reject()],
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

  it('fails its own event, not another that runs at the same time', async () => {
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

  it('aborts the signal of the handler', async () => {
    const handler = onMessage(async ({ signal, log }) => {
      signal.addEventListener('abort', () => log.info('aborted', { reason: signal.reason }));
      void reject();
      await never();
    });
    expect((await run(handler, event)).log).toMatchObject([{ message: 'aborted', fields: { reason: error } }]);
  });

  it('is an error even if it is undefined', async () => {
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

  it('is left to the test runner after the handler has ended', async () => {
    const testRunner = listenAsTheTestRunner();
    const handler = onMessage(() => void reject());
    expect(await run(handler, event)).toMatchObject({ outcome: 'handled' });
    await vi.waitFor(() => expect(testRunner).toHaveBeenCalledWith(error, expect.any(Promise)));
  });

  it('is left to the test runner if no handler causes it, even while one runs', async () => {
    const testRunner = listenAsTheTestRunner();
    const running = run(
      onMessage(() => vi.waitFor(() => expect(testRunner).toHaveBeenCalledOnce())),
      event,
    );
    void reject();
    expect(await running).toMatchObject({ outcome: 'handled' });
  });
});
