import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectionBundle } from '../../lib/build/bundle.ts';
import { onEventV1 } from '../../lib/handler.ts';
import { startEventSourceMapping } from '../../lib/local/event-source-mapping.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { pushInStorm } from '../mock-platform/storm.ts';
import { type EmulatorProcess, startEmulatorProcess } from '../support/emulator-process.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { start } from '../support/run.ts';
import { volume } from '../support/volume.ts';
import { wait } from '../support/wait.ts';

const EVENTS = volume({ small: 80, full: 10_000 });
const STORM = volume({
  small: { inFlight: 10, pushesBetweenHangUps: 20 },
  full: { inFlight: 200, pushesBetweenHangUps: 800 },
});
const CALM = { ...STORM, pushesBetweenHangUps: Infinity };
const RETRY_TIMES_MS = [15_000, 315_000, 3_915_000, 25_515_000];

/** End to end: the platform, the program as a process, the queue, and the worker with its idempotency records. */
describe('The long connection, end to end,', () => {
  let aws: EmulatorProcess;
  let sqs: SQSClient;
  let outdir: string;
  beforeAll(async () => {
    aws = await startEmulatorProcess();
    // The worker creates its clients from the environment.
    Object.assign(process.env, aws.emulators.environment);
    sqs = new SQSClient();
    outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-connection-'));
    await build(connectionBundle(PROJECT_ROOT, outdir));
  });
  afterAll(async () => {
    sqs.destroy();
    await aws[Symbol.asyncDispose]();
    await rm(outdir, { recursive: true });
  });

  it(`runs the handler of ${EVENTS} events once, with ${STORM.inFlight} in flight and disconnections`, async () => {
    const clock = new FakeClock();
    const platform = await MockPlatform.start(clock);
    onTestFinished(() => platform.stop());
    await using _program = start(outdir, 'connection.mjs', [], {
      ...aws.emulators.environment,
      QUEUE_URL: aws.emulators.queueUrl,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret-of-the-app',
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: '0',
      LOG_LEVEL: 'ERROR',
    });
    const { handled, delivered } = startWorker();

    let pushed = 0;
    await pushInStorm(platform, () => pushed < EVENTS && platform.push(numberedEvent(pushed++)) !== undefined, STORM);
    await queueIsEmpty();
    // Acknowledged events are in the queue without a retry.
    const acknowledged = platform.deliveries.filter(({ state }) => state === 'acknowledged');
    expect(acknowledged.length).toBeLessThan(EVENTS);
    expect(acknowledged.filter(({ event }) => !handled.has(event.id))).toEqual([]);

    for (const retryTimeMs of RETRY_TIMES_MS) {
      // The last retry is undisturbed: the platform drops an event after five failures, whatever the client does.
      const weather = retryTimeMs === RETRY_TIMES_MS.at(-1) ? CALM : STORM;
      await pushInStorm(platform, () => clock.advanceToNext(retryTimeMs), weather);
    }
    await queueIsEmpty();
    expect(platform.gateway.connections.length).toBeGreaterThan(EVENTS / STORM.pushesBetweenHangUps);
    expect(platform.deliveries.filter(({ state }) => state !== 'acknowledged')).toEqual([]);
    // Some arrived twice, because their acknowledgement was lost or late.
    expect(delivered()).toBeGreaterThan(EVENTS);
    expect(handled.size).toBe(EVENTS);
    expect([...handled.values()].filter((times) => times !== 1)).toEqual([]);
  });

  /** Consumes the queue with the worker, as AWS does. */
  function startWorker() {
    const handled = new Map<string, number>();
    let delivered = 0;
    const message = onEventV1('message', (event) => {
      const id = String(event.open_message_id);
      handled.set(id, (handled.get(id) ?? 0) + 1);
    });
    const none = () => {
      throw new Error('Module not found in bundle');
    };
    const modules = { v2: none, v1: () => Promise.resolve({ default: message }), fallback: none };
    const { queueUrl, queueArn, claimsTable } = aws.emulators;
    const worker = createWorker(modules, { QUEUE_URL: queueUrl, CLAIMS_TABLE: claimsTable });
    const mapping = startEventSourceMapping({
      sqs,
      queueUrl,
      queueArn,
      invoke: (event) => worker(event, { getRemainingTimeInMillis: () => 60_000 } as Context),
      onDelivery: () => void delivered++,
      onBatchFailure: (_record, error) => console.error(error),
    });
    onTestFinished(() => mapping.stop());
    return { handled, delivered: () => delivered };
  }

  async function queueIsEmpty(): Promise<void> {
    const { queueUrl } = aws.emulators;
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...AttributeNames] });
    await vi.waitFor(
      async () => {
        const { Attributes = {} } = await sqs.send(command);
        expect(AttributeNames.map((name) => Attributes[name])).toEqual(['0', '0']);
      },
      { ...wait, timeout: 3_600_000 },
    );
  }
});

function numberedEvent(number: number) {
  const id = `om_${number}`;
  const event = { type: 'message', app_id: 'cli_0123456789abcdef', tenant_key: 't', open_message_id: id };
  return { id, text: JSON.stringify({ uuid: `uuid-${number}`, token: '', ts: '1', type: 'event_callback', event }) };
}
