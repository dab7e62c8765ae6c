import type { Context } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent, RetryAfter } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { FaultyProxy } from '../faults/faulty-proxy.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { writtenLines } from '../support/written-output.ts';

const LONGEST_SECONDS = 42_300;
const QUARTER_HOUR_SECONDS = 15 * 60;
const TWELVE_HOURS_SECONDS = 12 * 60 * 60;

describe('RetryAfter', () => {
  it.each([0, 1, LONGEST_SECONDS])('accepts %i seconds', (seconds) => {
    expect(new RetryAfter(seconds, 'later').seconds).toBe(seconds);
  });

  it.each([LONGEST_SECONDS + 1, 43_200, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'rejects %d seconds and names the valid range',
    (seconds) => {
      expect(() => new RetryAfter(seconds, 'later')).toThrow(RangeError);
      expect(() => new RetryAfter(seconds, 'later')).toThrow(`from 0 to ${LONGEST_SECONDS}`);
    },
  );
});

describe('A handler that has run for 15 minutes', () => {
  const aws = emulatedAws();
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  it('can postpone its event by the maximum of RetryAfter', async () => {
    await using resources = new AsyncDisposableStack();
    const proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_SQS as string });
    resources.defer(() => proxy.stop());
    const accepted: number[] = [];
    proxy.decide = ({ operation, body }) => {
      if (operation !== 'ChangeMessageVisibility') return undefined;
      const seconds = Number(body.VisibilityTimeout);
      // Unlike the emulator, SQS limits the total since the delivery, here a second before the worker started.
      if (seconds + QUARTER_HOUR_SECONDS + 1 > TWELVE_HOURS_SECONDS) {
        return { reject: { status: 400, code: 'InvalidParameterValue' } };
      }
      accepted.push(seconds);
      return undefined;
    };
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', proxy.origin);
    const QUEUE_URL = `${proxy.origin}${new URL(aws.emulators.queueUrl).pathname}`;
    const handler = onEvent('im.message.receive_v1', () => {
      vi.advanceTimersByTime(QUARTER_HOUR_SECONDS * 1000);
      throw new RetryAfter(LONGEST_SECONDS, 'tomorrow');
    });
    const noModule = () => {
      throw new Error('The module does not exist');
    };
    const v2 = (type: string) => (type === handler.type ? Promise.resolve({ default: handler }) : noModule());
    const worker = createWorker({ v2, v1: noModule, fallback: noModule }, { ...aws.environment, QUEUE_URL });
    const text = createSample('im.message.receive_v1', { version: '2.0', token: '' });
    const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await createQueue(QUEUE_URL).send(parseEnvelope(text) as EventEnvelope, event, AbortSignal.timeout(10_000));
    const records = await aws.receive();

    vi.useFakeTimers({ toFake: ['performance'] });
    await worker({ Records: records }, { getRemainingTimeInMillis: () => 60_000 } as Context);
    expect(accepted.length).toBe(1);
    expect(accepted[0]).toBeGreaterThan(LONGEST_SECONDS - 120);
    expect(writtenLines().join('\n')).not.toContain('could not be postponed');
  });
});
