import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readClientSettings } from '../../lib/config.ts';
import { onEvent } from '../../lib/handler.ts';
import { createSample, samplePayload, textMessage } from '../../lib/samples/samples.ts';
import { chatState, StateConflict, userState } from '../../lib/state/state.ts';
import { STATE_STORE, type StateStore } from '../../lib/state/state-store.ts';
import { createStateTable } from '../../lib/state/state-table.ts';
import { createMemoryState } from '../../lib/testing/memory-state.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { createRecord } from '../worker/queue-records.ts';

const TYPE = 'im.message.receive_v1';
const aws = emulatedAws();
const message = textMessage('Hello');

const stores = {
  'the table': () => createStateTable(aws.emulators.dynamo, aws.emulators.stateTable),
  'a test': () => createMemoryState({}),
};

/** Returns the context of an event in an app that only this test uses. */
function contextOf(store: StateStore, { app = `cli_${randomUUID()}`, tenant = 'tenant' } = {}) {
  const header = { type: TYPE, version: '2.0', id: 'id', app, tenant, created: undefined, fields: {} } as const;
  return { header, attempt: 1, signal: new AbortController().signal, [STATE_STORE]: store };
}

describe.each(Object.entries(stores))('The state in %s', (_, createStore) => {
  it('is what was set last, until it is deleted', async () => {
    const state = chatState<{ texts: string[] }>(message, contextOf(createStore()));
    expect(await state.get()).toEqual({ value: undefined, version: 'none' });
    const version = await state.set({ texts: ['你好'] });
    expect(await state.get()).toEqual({ value: { texts: ['你好'] }, version });
    await state.set({ texts: [] });
    expect((await state.get()).value).toEqual({ texts: [] });
    await state.delete();
    await state.delete();
    expect(await state.get()).toEqual({ value: undefined, version: 'none' });
  });

  it('is set only if nobody else has changed it since it was read', async () => {
    const context = contextOf(createStore());
    const [one, other] = [chatState<number>(message, context), chatState<number>(message, context)];
    const first = await one.get();
    await other.set(1, { ifVersion: first.version });
    await expect(one.set(2, { ifVersion: first.version })).rejects.toThrow(StateConflict);
    await expect(one.set(2, { ifVersion: first.version })).rejects.toThrow(`the chat ${message.message.chat_id}`);
    await expect(one.delete({ ifVersion: first.version })).rejects.toThrow(StateConflict);
    const second = await one.get();
    expect(second.value).toBe(1);
    const version = await one.set(2, { ifVersion: second.version });
    await expect(other.set(3, { ifVersion: second.version })).rejects.toThrow(StateConflict);
    await other.delete({ ifVersion: version });
    await expect(one.set(4, { ifVersion: version })).rejects.toThrow(StateConflict);
    await one.delete({ ifVersion: version });
  });

  it('belongs to one chat or user, of one tenant and app', async () => {
    const store = createStore();
    const context = contextOf(store);
    await chatState(message, context).set('chat');
    await userState(message, context).set('user');
    await chatState(message, context, { chatId: 'oc_other' }).set('other chat');
    await userState(message, context, { openId: 'ou_other' }).set('other user');
    const values = await Promise.all(
      [
        chatState({ ...message, sender: {} }, context),
        userState({ sender: message.sender }, context),
        chatState({ chat_id: 'oc_other' }, context),
        userState({ operator: { open_id: 'ou_other' } }, context),
      ].map(async (state) => (await state.get()).value),
    );
    expect(values).toEqual(['chat', 'user', 'other chat', 'other user']);
  });

  it.each([
    ['is not JSON', () => 1n, {}, 'The state of the chat cannot be stored as JSON'],
    ['is undefined', () => undefined, {}, 'must be a JSON value, not undefined'],
    ['is too large', () => 'x'.repeat(262_143), {}, 'The state of the chat has 262145 bytes, but at most 262144'],
    ['expires at once', () => 1, { expiresInSeconds: 0 }, 'a positive whole number, not 0'],
  ])('rejects a value that %s', async (_name, value, options, reason) => {
    await expect(chatState(message, contextOf(createStore())).set(value(), options)).rejects.toThrow(reason);
  });
});

describe('The state', () => {
  it('of another app or tenant is another one', async () => {
    const store = stores['the table']();
    const app = `cli_${randomUUID()}`;
    await chatState(message, contextOf(store, { app })).set('one');
    const others = [contextOf(store, { app, tenant: 'other' }), contextOf(store)];
    for (const context of others) expect((await chatState(message, context).get()).value).toBeUndefined();
  });

  it('of an event without a chat or a user needs an id', () => {
    const context = contextOf(stores['a test']());
    const event = samplePayload('contact.department.created_v3');
    expect(() => chatState(event, context)).toThrow('has no chat. Pass { chatId } as the third argument');
    expect(() => userState(event, context)).toThrow('has no user. Pass { openId } as the third argument');
  });

  it('has expired for every operation, even if DynamoDB has not deleted it yet', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const state = chatState<string>(message, contextOf(stores['the table']()));
    const version = await state.set('short', { expiresInSeconds: 60 });
    expect(await state.get()).toEqual({ value: 'short', version });
    vi.setSystemTime(Date.now() + 62_000);
    expect(await state.get()).toEqual({ value: undefined, version: 'none' });
    await expect(state.set('new', { ifVersion: version })).rejects.toThrow(StateConflict);
    await state.set('new', { ifVersion: 'none' });
    vi.setSystemTime(Date.now() + 62_000);
    expect((await state.get()).value).toBe('new');
  });

  it('is set although the response of DynamoDB was lost', async () => {
    const client = new DynamoDBClient(readClientSettings(aws.emulators.templateEnvironment, 'dynamodb'));
    onTestFinished(() => client.destroy());
    let lost = 0;
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        lost += 1;
        if (lost === 1) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET', name: 'TimeoutError' });
        return result;
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    const state = chatState<string>(message, contextOf(createStateTable(client, aws.emulators.stateTable)));
    await state.set('once', { ifVersion: 'none' });
    expect(lost).toBe(2);
    expect((await state.get()).value).toBe('once');
  });

  it('is in the table that the worker has, for all events of a chat', async () => {
    process.env.STATE_TABLE = aws.emulators.stateTable;
    onTestFinished(() => {
      delete process.env.STATE_TABLE;
    });
    const seen: unknown[] = [];
    const handler = onEvent(TYPE, async (event, context) => {
      const state = chatState<number>(event, context);
      const { value = 0, version } = await state.get();
      seen.push(value);
      await state.set(value + 1, { ifVersion: version });
    });
    const worker = createWorker(
      { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) },
      aws.environment,
    );
    const event = textMessage('Hello');
    event.message.chat_id = randomUUID();
    for (const id of ['om_1', 'om_2', 'om_3']) {
      const body = createSample(TYPE, {
        version: '2.0',
        token: '',
        event: { ...event, message: { ...event.message, message_id: `${id} ${event.message.chat_id}` } },
      });
      const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
      expect(await worker({ Records: [createRecord(id, { body })] }, context)).toEqual({ batchItemFailures: [] });
    }
    expect(seen).toEqual([0, 1, 2]);
  });
});
