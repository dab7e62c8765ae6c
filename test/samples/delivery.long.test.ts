import { DeleteMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runConnection } from '../../lib/connection/connection.ts';
import { OLD_CARD_TYPE } from '../../lib/feishu/envelope.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { type EventHandler, onUnhandledEvent } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { createSample, SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import { NO_DEADLINES } from '../../lib/util/deadline.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

// Sends a sample of every type, and of every kind of message, over both transports to modules in each place.

interface Sample {
  type: string;
  folder: 'v1' | 'v2';
  isCallback: boolean;
  text: string;
}

/** Where a module was called, and with what. SQS may need JSON escapes in the text, so that it is compared as JSON. */
type Call = [place: string, type: string, body: string];

const sameJson = (text: string) => JSON.stringify(JSON.parse(text));

/** Creates samples with new ids, because the worker handles an event only once. */
function createSamples(): Sample[] {
  return SAMPLE_TYPES.flatMap(({ type, version, isCallback, variants }) =>
    (variants.length === 0 ? [undefined] : variants).map((variant) => ({
      type,
      folder: version === '2.0' ? ('v2' as const) : ('v1' as const),
      isCallback,
      text: createSample(type, { version, token, ...(variant !== undefined && { variant }) }),
    })),
  );
}

const other = (folder: Sample['folder']) => (folder === 'v2' ? 'v1' : 'v2');

/** The place of each sample's module, by the name of the arrangement. */
const ARRANGEMENTS: Record<string, (sample: Sample) => string> = {
  'the folder of their version': ({ folder }) => folder,
  'the folder of the other version': ({ folder }) => other(folder),
  'fallback.ts alone': () => 'fallback',
};

/** Sends an event, and resolves to the response to a callback. Rejects unless the event is acknowledged. */
type Send = (sample: Sample, index: number) => Promise<unknown>;

describe('Every sample', () => {
  const aws = emulatedAws();
  // Otherwise the result would depend on how busy the machine is.
  beforeAll(() => void Object.assign(process.env, NO_DEADLINES));
  afterAll(() => {
    for (const name of Object.keys(NO_DEADLINES)) delete process.env[name];
  });

  function openWebhook(callbacks: ImportModule): Send {
    const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
    const webhook = createWebhook(callbacks, { ...aws.environment, ...secrets });
    return async ({ type, text }) => {
      // The platform signs old cards with the Verification Token, and does not encrypt them.
      const secret = type === OLD_CARD_TYPE ? { verificationToken: token } : { encryptKey };
      const response = await webhook(toHttpEvent(writeRequest(text, secret, Date.now())));
      expect(response.statusCode, `${type}: ${response.body}`).toBe(200);
      return JSON.parse(response.body);
    };
  }

  async function openConnection(callbacks: ImportModule): Promise<Send> {
    const platform = await MockPlatform.start(new FakeClock());
    const stop = new AbortController();
    const ended = runConnection(callbacks, stop.signal, {
      ...aws.environment,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret-of-the-app',
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: '0',
    });
    onTestFinished(async () => {
      stop.abort();
      await ended;
      await platform.stop();
    });
    await vi.waitFor(() => expect(writtenLines().join()).toContain('Connected to ws://127.0.0.1'), wait);
    return async ({ type, text, isCallback }, index) => {
      const event = { id: `e${index}`, text };
      const delivery = isCallback ? platform.pushCallback(event) : platform.push(event);
      await delivery.settled;
      const [response] = delivery.responses;
      expect(response, type).toMatchObject({ code: 200 });
      return response?.data;
    };
  }

  /** Runs the worker until the queue is empty, and returns what its modules received. */
  async function work(samples: Sample[], placeOf: (sample: Sample) => string): Promise<Call[]> {
    const calls: Call[] = [];
    const modulesIn = (place: string) => {
      const inPlace = samples.filter((sample) => placeOf(sample) === place);
      return modulesOf(
        Object.fromEntries(
          inPlace.map(({ type }) => {
            const handle: EventHandler['handle'] = (_, { rawJson }) => calls.push([place, type, sameJson(rawJson())]);
            return [type, { kind: place, type, handle }];
          }),
        ),
      );
    };
    const fallback = onUnhandledEvent((_, { header, rawJson }) =>
      calls.push(['fallback', header.type, sameJson(rawJson())]),
    );
    const worker = createWorker(
      { v2: modulesIn('v2'), v1: modulesIn('v1'), fallback: modulesOf({ fallback }) },
      aws.environment,
    );
    const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
    for (let records = await aws.receive(); records.length > 0; records = await aws.receive()) {
      expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
      const Entries = records.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle }));
      await aws.emulators.sqs.send(new DeleteMessageBatchCommand({ QueueUrl: aws.emulators.queueUrl, Entries }));
    }
    return calls;
  }

  describe.each([
    ['the webhook', openWebhook],
    ['the long connection', openConnection],
  ])('over %s', (_, open) => {
    it.each(Object.entries(ARRANGEMENTS))(
      'reaches its module in %s once, with the same content',
      async (_, placeOf) => {
        const samples = createSamples();
        const callbacks = modulesOf(
          Object.fromEntries(
            samples
              .filter(({ isCallback }) => isCallback)
              .map(({ type }) => [type, { kind: 'callbacks', type, handle: () => ({ answered: type }) }]),
          ),
        );
        const send = await open(callbacks);
        const answers = [];
        for (const [index, sample] of samples.entries()) {
          const answer = await send(sample, index);
          if (sample.isCallback) answers.push(answer);
        }
        const types = samples.filter(({ isCallback }) => isCallback).map(({ type }) => type);
        expect(types.length).toBeGreaterThan(3);
        expect(answers).toEqual(types.map((type) => ({ answered: type })));

        const expected = samples.map((sample): Call => [placeOf(sample), sample.type, sameJson(sample.text)]);
        expect((await work(samples, placeOf)).toSorted()).toEqual(expected.toSorted());
      },
    );
  });
});
