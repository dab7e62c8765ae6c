import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EventRecord } from '../../lib/local/event-log.ts';
import { ROUTES } from '../../lib/local/inspector/wire.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { type ChangingStack, handlerThatLogs, sample, send, startChangingStack, TYPE } from './changing-stack.ts';

describe('While the sources change, the local stack', () => {
  let running: ChangingStack;
  beforeAll(async () => {
    running = await startChangingStack();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  it('responds to a callback of any type that has a module', async () => {
    const type = 'example.thing.get';
    expect(await send(running.stack, sample(type))).toMatchObject({ body: '{"msg":"success"}' });
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ type, status: 'unhandled' }), wait);
    const source = `import { onCallback } from '#feishu-events';
      export default onCallback('${type}', () => ({ thing: 1 }));`;
    await running.writeHandler(`callbacks/${type}.ts`, source);
    await vi.waitFor(() => expect(running.notices.at(-1)).toContain(`callbacks/${type}.ts`), wait);
    // The webhook and the worker are built separately, and only a new worker recognizes the callback.
    await vi.waitFor(async () => {
      expect((await send(running.stack, sample(type))).body).toBe('{"thing":1}');
      const event = () => running.stack.events().at(-1);
      await vi.waitFor(() => expect(event()?.status).toMatch(/^(answered|unhandled)$/), wait);
      expect(event()).toMatchObject({ type, status: 'answered' });
    }, wait);
  });

  it('distinguishes failed from dropped events, and dead-letters an event after five failures', async () => {
    const failing = "if (event.chat_id === 'drop') throw new Drop('not ours'); throw new RetryAfter(0, 'not yet');";
    const before = running.notices.length;
    await running.writeHandler(`v2/${TYPE}.ts`, handlerThatLogs('never', failing));
    await vi.waitFor(() => expect(running.notices.length).toBe(before + 1), wait);
    await send(running.stack, createSample(TYPE, { version: '2.0', token, event: { chat_id: 'drop' } }));
    await vi.waitFor(
      () => expect(running.stack.events().at(-1)).toMatchObject({ status: 'dropped', lastError: 'not ours' }),
      wait,
    );
    await send(running.stack, sample(TYPE));
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ status: 'dead', attempts: 5 }), wait);
    expect(running.stack.events().at(-1)?.lastError).toContain('not yet');
    await vi.waitFor(async () => expect(await countOf(running.stack.queue.deadLetterQueueUrl)).toBe(1), wait);
  });

  it('delivers an event now that would wait an hour for its next attempt', async () => {
    const before = running.notices.length;
    const failing = "if (context.attempt === 1) throw new RetryAfter(3600, 'not yet');";
    const source = handlerThatLogs('retried', failing)
      .replace('{ log }', 'context')
      .replace('log.info', 'context.log.info');
    await running.writeHandler(`v2/${TYPE}.ts`, source);
    await vi.waitFor(() => expect(running.notices.length).toBe(before + 1), wait);
    const started = Date.now();
    await send(running.stack, sample(TYPE));
    const event = () => running.stack.events().at(-1) as EventRecord;
    await vi.waitFor(() => expect(event()).toMatchObject({ status: 'retrying', attempts: 1 }), wait);
    expect(Date.parse(event().retryAt ?? '') - started).toBeGreaterThanOrEqual(3_600_000);
    const retry = () =>
      fetch(new URL(ROUTES.retry, running.stack.pageUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messageId: event().messageId }),
      });
    await vi.waitFor(async () => {
      // Repeated, because the worker reports a failure before it postpones the message.
      if (event().status === 'retrying') await retry();
      expect(event()).toMatchObject({ status: 'handled', attempts: 2 });
    }, wait);
    expect(event().retryAt).toBeUndefined();
    const rejected = await retry();
    expect(rejected.status).toBe(400);
    expect(await rejected.json()).toEqual({ message: 'This event does not wait for an attempt.' });
  });

  it('keeps running after a handler has ended its process', async () => {
    const before = running.notices.length;
    const exiting = "if (event.chat_id === 'exit') process.exit(1);";
    await running.writeHandler(`v2/${TYPE}.ts`, handlerThatLogs('alive', exiting));
    await vi.waitFor(() => expect(running.notices.length).toBe(before + 1), wait);
    await send(running.stack, createSample(TYPE, { version: '2.0', token, event: { chat_id: 'exit' } }));
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ status: 'retrying' }), wait);
    await send(running.stack, sample(TYPE));
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ status: 'handled' }), wait);
  });

  async function countOf(queueUrl: string): Promise<number> {
    const command = new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    return Number((await running.stack.queue.sqs.send(command)).Attributes?.ApproximateNumberOfMessages);
  }
});
