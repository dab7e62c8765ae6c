import { randomBytes } from 'node:crypto';
import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runConnection } from '../../lib/connection/connection.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { onEvent } from '../../lib/handler.ts';
import { NO_DEADLINES } from '../../lib/util/deadline.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

const TYPE = 'im.message.receive_v1';
const noCallbacks = () => {
  throw new Error('Module not found in bundle');
};

/** Sends events as the platform does. Rejects unless each is acknowledged. */
type SendAll = (texts: readonly string[]) => Promise<void>;

function messageEvent(id: string, content: string, token: string): string {
  const header = { event_id: id, event_type: TYPE, app_id: 'cli_1', tenant_key: 'tenant', token };
  const message = { message_id: `om_${id}`, chat_id: 'oc_1', content: JSON.stringify({ text: content }) };
  return JSON.stringify({ schema: '2.0', header, event: { message } });
}

describe.each(['none', 'conversation'] as const)('With ordering=%s, a large and an unknown event', (ordering) => {
  const aws = emulatedAws({ ordering });
  // Otherwise the result would depend on how busy the machine is.
  beforeAll(() => void Object.assign(process.env, NO_DEADLINES));
  afterAll(() => {
    for (const name of Object.keys(NO_DEADLINES)) delete process.env[name];
  });

  const overWebhook: SendAll = async (texts) => {
    const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: verificationToken };
    const webhook = createWebhook(noCallbacks, { ...aws.environment, ...secrets });
    for (const text of texts) {
      const response = await webhook(toHttpEvent(writeRequest(text, { encryptKey }, Date.now())));
      expect(response).toMatchObject({ statusCode: 200, body: '{"msg":"success"}' });
    }
  };

  const overLongConnection: SendAll = async (texts) => {
    const platform = await MockPlatform.start(new FakeClock());
    onTestFinished(() => platform.stop());
    const stop = new AbortController();
    const ended = runConnection(noCallbacks, stop.signal, {
      ...aws.environment,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret-of-the-app',
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: '0',
    });
    await vi.waitFor(() => expect(writtenLines().join()).toContain('Connected to ws://127.0.0.1'), wait);
    for (const [index, text] of texts.entries()) {
      const delivery = platform.push({ id: `e${index}`, text });
      await delivery.settled;
      expect(delivery.responses).toEqual([{ code: 200 }]);
    }
    stop.abort();
    expect(await ended).toBe(0);
  };

  /** Runs the worker until the queue is empty, and returns the texts that the handler received, in order. */
  async function work(): Promise<string[]> {
    const handled: string[] = [];
    const handler = onEvent(TYPE, ({ message }) => {
      handled.push(JSON.parse(message.content).text);
    });
    const worker = createWorker(
      { v2: modulesOf({ [TYPE]: handler }), v1: noCallbacks, fallback: noCallbacks },
      aws.environment,
    );
    const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
    for (let records = await aws.receive(); records.length > 0; records = await aws.receive()) {
      expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
      for (const { receiptHandle: ReceiptHandle } of records) {
        await aws.emulators.sqs.send(new DeleteMessageCommand({ QueueUrl: aws.emulators.queueUrl, ReceiptHandle }));
      }
    }
    return handled;
  }

  it.each([
    ['the webhook', overWebhook, verificationToken],
    ['the long connection', overLongConnection, ''],
  ])('over %s do not hold back the events around them', async (name, sendAll, token) => {
    const noise = randomBytes(1_200_000).toString('base64');
    const unknown = JSON.stringify({ schema: '3.0', from: name, token });
    const message = (id: string, content: string) => messageEvent(`${id} over ${name}`, content, token);
    await sendAll([message('1', 'first'), message('2', noise), unknown, message('3', 'last')]);

    const handled = await work();
    if (ordering === 'none')
      handled.sort((one, other) => ['first', noise, 'last'].indexOf(one) - ['first', noise, 'last'].indexOf(other));
    // Not toEqual of the noise: a failure would print a megabyte.
    expect(handled.map((text) => (text === noise ? 'large' : text.slice(0, 20)))).toEqual(['first', 'large', 'last']);

    const [dead, ...others] = await aws.receive(aws.emulators.deadLetterQueueUrl);
    expect(others).toEqual([]);
    expect(dead?.body).toBe(unknown);
    expect(dead?.messageAttributes.reason?.stringValue).toContain('FEISHU_ENVELOPE_UNKNOWN');
    const codes = writtenLines().flatMap((line) => /"SetAside":1.*"code":"(\w+)"/.exec(line)?.[1] ?? []);
    expect(codes).toEqual(['FEISHU_EVENT_TOO_LARGE', 'FEISHU_ENVELOPE_UNKNOWN']);
  });
});
