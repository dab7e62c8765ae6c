import { randomBytes } from 'node:crypto';
import inspector from 'node:inspector';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { post } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { EventRecord } from '../../lib/local/event-log.ts';
import type { Stack } from '../../lib/local/stack.ts';
import type { ApiCall } from '../../lib/mock-platform/mock-platform.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { volume } from '../support/volume.ts';
import { wait } from '../support/wait.ts';
import { recordOutput } from '../support/written-output.ts';
import { type ChangingStack, handlerThatLogs, sample, send, startChangingStack, TYPE } from './changing-stack.ts';

async function listEvents(stack: Stack): Promise<EventRecord[]> {
  return (await fetch(stack.eventsUrl)).json() as Promise<EventRecord[]>;
}

describe('The local stack', () => {
  const apiCalls: ApiCall[] = [];
  const lines: string[] = [];
  const notices: string[] = [];
  let stack: Stack;
  beforeAll(async () => {
    // Under a debugger nothing has a time limit, so that a slow machine does not retry an event.
    inspector.open(0, '127.0.0.1');
    stack = await startLocalStack({
      environment: {
        FEISHU_ENCRYPT_KEY: encryptKey,
        FEISHU_VERIFICATION_TOKEN: token,
        // Nothing listens here: calls to the mock platform must not go through a proxy.
        HTTP_PROXY: 'http://127.0.0.1:1',
        NODE_USE_ENV_PROXY: '1',
      },
      onApiCall: (call) => apiCalls.push(call),
      onNotice: (text) => notices.push(text),
      onLine(line) {
        lines.push(line);
        recordOutput(`${line}\n`);
      },
    });
  });
  afterAll(async () => {
    await stack.stop();
    inspector.close();
  });

  it('runs the handler of a message, which replies with an echo', async () => {
    const event = textMessage('你好 👋');
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    expect(await send(stack, text)).toMatchObject({ status: 200, body: '{"msg":"success"}' });
    await vi.waitFor(() => expect(apiCalls.length).toBe(1), wait);
    expect(apiCalls[0]).toMatchObject({
      method: 'POST',
      path: `/open-apis/im/v1/messages/${event.message.message_id}/reply`,
    });
    expect(JSON.parse(JSON.parse(apiCalls[0]?.body ?? '').content)).toEqual({ text: '你好 👋' });
  });

  it('lists the status of each event', async () => {
    await vi.waitFor(async () => expect((await listEvents(stack))[0]?.status).toBe('handled'), wait);
    const [record] = await listEvents(stack);
    expect(record).toMatchObject({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      type: 'im.message.receive_v1',
      version: '2.0',
      source: 'webhook',
      status: 'handled',
      attempts: 1,
      receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      acknowledgedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('runs the callback handler of the template', async () => {
    const { body } = await send(stack, sample('card.action.trigger'));
    expect(JSON.parse(body)).toMatchObject({ toast: { content: 'Done', i18n: { zh_cn: '已完成' } } });
    await vi.waitFor(async () => {
      expect((await listEvents(stack)).at(-1)).toMatchObject({ type: 'card.action.trigger', status: 'answered' });
    }, wait);
  });

  it('reports once for each type that it has no handler', async () => {
    const types = ['im.chat.updated_v1', 'im.chat.updated_v1', 'im.chat.disbanded_v1'];
    for (const type of types) await send(stack, sample(type));
    const adviceOf = (type: string) => `No handler for ${type}: add functions/handlers/v2/${type}.ts or`;
    const expected = [adviceOf('im.chat.updated_v1'), adviceOf('im.chat.disbanded_v1')];
    await vi.waitFor(() => {
      const unhandled = stack.events().filter(({ lastError }) => lastError?.startsWith('No handler'));
      expect(unhandled.length).toBe(types.length);
    }, wait);
    const found = notices.filter((text) => text.startsWith('No handler'));
    expect(found.toSorted()).toEqual(expected.toSorted().map((text) => expect.stringContaining(text)));
  });

  it('processes an event that is too large for the queue', async () => {
    const event = { chat_id: randomBytes(1_200_000).toString('base64') };
    const text = createSample('im.chat.updated_v1', { version: '2.0', token, event });
    expect(await send(stack, text)).toMatchObject({ status: 200 });
    const { messageId } = stack.events().at(-1) as EventRecord;
    const find = () => stack.events().find((record) => record.messageId === messageId);
    await vi.waitFor(() => expect(find()).toMatchObject({ type: 'im.chat.updated_v1', status: 'unhandled' }), wait);
    expect(lines.some((line) => line.includes('FEISHU_EVENT_TOO_LARGE'))).toBe(true);
  });

  it('lists an event with an unknown envelope as a dead letter, with the reason', async () => {
    expect(await send(stack, '{"schema":"3.0"}')).toMatchObject({ status: 200 });
    await vi.waitFor(
      () =>
        expect(stack.events()).toContainEqual(
          expect.objectContaining({
            code: 'FEISHU_ENVELOPE_UNKNOWN',
            status: 'dead',
            attempts: 0,
            lastError: expect.stringContaining('FEISHU_ENVELOPE_UNKNOWN'),
          }),
        ),
      wait,
    );
  });

  it('accepts events with a query in the URL', async () => {
    const request = writeRequest(sample('message', '1.0'), { encryptKey }, Date.now());
    expect((await deliver(`${stack.webhookUrl}?tenant=1`, request)).status).toBe(200);
  });

  it('lists the available routes in the response to any other', async () => {
    const response = await fetch(new URL('/events', stack.webhookUrl));
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ message: expect.stringContaining('POST /feishu/events') });
  });

  it('rejects a body that is not text, like the deployed function', async () => {
    const response = await post(stack.webhookUrl, { headers: {}, body: Buffer.from([0xff, 0xfe, 0x00]) });
    expect(response).toMatchObject({ status: 401, body: expect.stringContaining('FEISHU_SIGNATURE_MISSING') });
  });

  it('lists a rejected request with its code and what to check, but without its body, and not as an event', async () => {
    const before = stack.events().length;
    const wrongKey = { encryptKey: 'the key of another app' };
    const request = writeRequest(sample('out_approval', '1.0'), wrongKey, Date.now());
    expect(await post(stack.webhookUrl, request)).toMatchObject({ status: 401 });
    const records = await listEvents(stack);
    expect(records.at(-1)).toEqual({
      messageId: expect.stringMatching(/^rejected-\d+$/),
      status: 'rejected',
      attempts: 0,
      source: 'webhook',
      code: 'FEISHU_SIGNATURE_WRONG',
      lastError: expect.stringContaining("Is FEISHU_ENCRYPT_KEY the value in this app's developer console"),
      receivedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      updatedAt: expect.any(String),
    });
    expect(stack.events()).toHaveLength(before);
  });

  const EVENTS = volume({ small: 50, full: 1000 });
  const IN_FLIGHT = volume({ small: 10, full: 50 });
  it(`handles ${EVENTS} events, ${IN_FLIGHT} of them in flight, once each`, async () => {
    const before = (await listEvents(stack)).length;
    const texts = Array.from({ length: EVENTS }, () => sample('out_approval', '1.0'));
    const pending = [...texts];
    const statuses: number[] = [];
    const sender = async () => {
      for (let text = pending.pop(); text !== undefined; text = pending.pop()) {
        statuses.push((await send(stack, text)).status);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
    expect(statuses).toEqual(Array(EVENTS).fill(200));
    const ids = texts.map((text) => JSON.parse(text).uuid).toSorted();
    const unfinished = ['queued', 'retrying'];
    await vi.waitFor(async () => {
      const records = (await listEvents(stack)).slice(before);
      expect(records.filter(({ status }) => unfinished.includes(status))).toEqual([]);
      const handledIds = records.filter(({ status }) => status === 'handled').map(({ id }) => id);
      expect(handledIds.toSorted()).toEqual(ids);
    }, wait);
    // The lines of the worker's thread may arrive after its results.
    const handled = () => lines.filter((line) => line.includes('Approved to be out of the office')).length;
    await vi.waitFor(() => expect(handled()).toBe(EVENTS), wait);
  });

  it("shows the functions' log lines, without the content of events", () => {
    expect(lines.some((line) => line.includes('"message":"accepted"'))).toBe(true);
    expect(lines.join('\n')).not.toContain('拜访客户');
  });
});

describe('While the sources change, the local stack', () => {
  let running: ChangingStack;
  beforeAll(async () => {
    running = await startChangingStack();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const handledIds = () =>
    new Set(running.stack.events().flatMap(({ id, status }) => (status === 'handled' ? [id] : [])));

  it('loads a changed handler without losing queued events', async () => {
    // The slow version handles some of the events, and the next version the others. None is lost.
    const slow = 'await new Promise((resolve) => setTimeout(resolve, 300));';
    await running.writeHandler(`v2/${TYPE}.ts`, handlerThatLogs('a slow version', slow));
    const reloaded = `Sources changed: functions reloaded (functions/handlers/v2/${TYPE}.ts).`;
    await vi.waitFor(() => expect(running.notices.at(-1)).toBe(reloaded), wait);
    await Promise.all(Array.from({ length: 20 }, () => send(running.stack, sample(TYPE))));
    await running.writeHandler(`v2/${TYPE}.ts`, handlerThatLogs('the next version'));
    await vi.waitFor(() => expect(running.notices.length).toBe(2), wait);
    await send(running.stack, sample(TYPE));
    await vi.waitFor(() => expect(handledIds().size).toBe(21), wait);
    expect(running.lines.some((line) => line.includes('the next version'))).toBe(true);
  });

  it('loads a new handler', async () => {
    const source = handlerThatLogs('a new handler').replace(TYPE, 'im.chat.updated_v1');
    await running.writeHandler('v2/im.chat.updated_v1.ts', source);
    await vi.waitFor(() => expect(running.notices.length).toBe(3), wait);
    await send(running.stack, sample('im.chat.updated_v1'));
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ status: 'handled' }), wait);
  });

  it('asks whether the new handler is misspelled if an event type differs by one character', async () => {
    const question = 'Is functions/handlers/v2/im.chat.updated_v1.ts misspelled?';
    await send(running.stack, createSample('im.chat.update_v1', { version: '2.0', token }));
    const unhandled = { status: 'unhandled', lastError: expect.stringContaining(question) };
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject(unhandled), wait);
    expect(running.lines.filter((line) => line.includes('"WARN"') && line.includes('misspelled?'))).toHaveLength(1);
  });

  it('keeps running the previous version if a build fails, and reports the error', async () => {
    await running.writeHandler(`v2/${TYPE}.ts`, 'export default (');
    await vi.waitFor(() => expect(running.notices.at(-1)).toContain('Build failed'), wait);
    expect(running.notices.at(-1)).toContain(`${TYPE}.ts`);
    expect(running.notices.at(-1)).toContain('Unexpected end of file');
    expect(running.notices.at(-1)).toContain(`functions/handlers/v2/${TYPE}.ts:1:16`);
    await send(running.stack, sample(TYPE));
    await vi.waitFor(() => expect(running.stack.events().at(-1)).toMatchObject({ status: 'handled' }), wait);
  });
});
