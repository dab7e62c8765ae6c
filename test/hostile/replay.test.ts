import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { onCallback, onEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';

const aws = emulatedAws();
const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
const context = { getRemainingTimeInMillis: () => 60_000 } as Context;

/** Processes the queued messages one by one: a duplicate of an event in progress would have to wait. */
async function processQueue(v2: Record<string, unknown>): Promise<void> {
  const worker = createWorker({ v2: modulesOf(v2), v1: modulesOf({}), fallback: modulesOf({}) }, aws.environment);
  for (const record of await aws.drain()) {
    expect(await worker({ Records: [record] }, context)).toEqual({ batchItemFailures: [] });
  }
}

describe('A callback request replayed within 5 minutes', () => {
  it('runs its callback handler again, but its event handler once', async () => {
    const runs = { callback: 0, event: 0 };
    const callback = onCallback('card.action.trigger', () => {
      runs.callback += 1;
      return { toast: { type: 'success', content: `Click ${runs.callback}` } };
    });
    const event = onEvent('card.action.trigger', () => {
      runs.event += 1;
    });
    const webhook = createWebhook(modulesOf({ 'card.action.trigger': callback }), { ...secrets, ...aws.environment });
    const click = createSample('card.action.trigger', { version: '2.0', token });
    const request = writeRequest(click, { encryptKey }, Date.now());
    for (const content of ['Click 1', 'Click 2', 'Click 3']) {
      const response = await webhook(toHttpEvent(request));
      expect(response).toMatchObject({ statusCode: 200, body: expect.stringContaining(content) });
    }
    await processQueue({ 'card.action.trigger': event });
    expect(runs).toEqual({ callback: 3, event: 1 });
  });
});

describe('An event without an id', () => {
  it('is handled once if it arrives by webhook and, with an empty token, by long connection', async () => {
    let runs = 0;
    const sample = JSON.parse(createSample('im.chat.updated_v1', { version: '2.0', token }));
    const write = (header: object) => JSON.stringify({ ...sample, header: { ...sample.header, ...header } });
    const webhook = createWebhook(modulesOf({}), { ...secrets, ...aws.environment });
    const byWebhook = writeRequest(write({ event_id: '' }), { encryptKey }, Date.now());
    expect(await webhook(toHttpEvent(byWebhook))).toMatchObject({ statusCode: 200 });
    const text = write({ event_id: '', token: '' });
    const envelope = parseEnvelope(text);
    if (envelope.kind === 'url-verification') throw new TypeError('The sample is not an event');
    const received = { text, source: 'long-connection', receivedAt: new Date(), requestId: undefined } as const;
    await createQueue(aws.emulators.queueUrl).send(envelope, received, AbortSignal.timeout(30_000));
    await processQueue({
      'im.chat.updated_v1': onEvent('im.chat.updated_v1', () => {
        runs += 1;
      }),
    });
    expect(runs).toBe(1);
  });
});
