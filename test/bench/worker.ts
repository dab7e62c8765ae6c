import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import { build } from 'esbuild';
import { platformSdkBundle, workerBundle } from '../../lib/build/bundle.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { type Runtime, startRuntime } from '../deploy/artifacts/runtime.ts';
import { installRuntimeClient } from '../deploy/artifacts/runtime-client.ts';
import { startCallCounter } from '../support/call-counter.ts';
import { type EmulatorProcess, startEmulatorProcess } from '../support/emulator-process.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { bundleComparator, installComparators } from './comparators.ts';
import { readPeakMebibytes } from './process-usage.ts';
import { median, type Report, reportComparisons, type SuiteOptions } from './report.ts';

const SIDES = ['ours', 'common'] as const;
type Side = (typeof SIDES)[number];
type Emulators = EmulatorProcess['emulators'];

/** Ours polls as the template's event source mapping does. */
const POLLING = { ours: { pollers: 5, batch: 10 }, common: { pollers: 1, batch: 1 } };

interface Countdown {
  count: number;
}

/** Approximate latency of a call to SQS or DynamoDB within a region. */
const LATENCY_MILLISECONDS = 5;

interface Samples {
  /** Events a second, with SQS and DynamoDB on this machine. */
  loopback: Record<Side, number[]>;
  /** Events a second, with {@link LATENCY_MILLISECONDS} added to each call. */
  distant: Record<Side, number[]>;
  peakMebibytes: Record<Side, number>;
  callsPerEvent: Record<Side, Record<string, number>>;
}

/**
 * Measures one execution environment of the worker with waiting events: lease, dispatch, completion and deletion. The
 * common setup handles one message at a time. The benchmark polls the queue for both. Both run under AWS's runtime client
 * with the same SQS and DynamoDB emulators in a separate process.
 */
export async function benchWorker({ isQuick }: SuiteOptions): Promise<Report> {
  const [rounds, events] = isQuick ? [5, 60] : [15, 100];
  await installComparators();
  const clientPath = await installRuntimeClient();
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rm(folder, { recursive: true }));
  await prepare(folder);
  const { emulators } = parts.use(await startEmulatorProcess());
  const start = async (side: Side, { environment, queueUrl, claimsTable }: Emulators) => {
    const runtime = await startRuntime({
      clientPath,
      taskRoot: path.join(folder, side),
      handler: 'worker.handler',
      functionName: side,
      memoryMegabytes: 512,
      timeoutSeconds: 60,
      environment: {
        ...environment,
        QUEUE_URL: queueUrl,
        CLAIMS_TABLE: claimsTable,
        FEISHU_APP_ID: 'cli_0123456789abcdef',
        FEISHU_APP_SECRET: 'secret',
        LOG_LEVEL: 'INFO',
      },
    });
    parts.defer(() => runtime.stop());
    return runtime;
  };
  const measure = async (setting: Emulators, events: number) => {
    const runtimes = { ours: await start('ours', setting), common: await start('common', setting) };
    const eventsPerSecond: Record<Side, number[]> = { ours: [], common: [] };
    // The first round starts both and warms up V8.
    for (let round = -1; round < rounds; round++) {
      for (const side of SIDES) {
        const seconds = await handleAll(side, runtimes[side], setting, events);
        if (round >= 0) eventsPerSecond[side].push(events / seconds);
      }
    }
    return { eventsPerSecond, runtimes };
  };

  const loopback = await measure(emulators, events);
  const peakMebibytes = {
    ours: await readPeakMebibytes(loopback.runtimes.ours.pid),
    common: await readPeakMebibytes(loopback.runtimes.common.pid),
  };
  const callsPerEvent = {} as Samples['callsPerEvent'];
  for (const side of SIDES) {
    await using counted = await startCounters(emulators, 0);
    const runtime = await start(side, counted.emulators);
    // A new environment reads the tenant access token once.
    await handleAll(side, runtime, counted.emulators, 1);
    const before = counted.calls();
    await handleAll(side, runtime, counted.emulators, events);
    const perEvent = ([operation, count]: [string, number]) => [operation, (count - (before[operation] ?? 0)) / events];
    callsPerEvent[side] = Object.fromEntries(Object.entries(counted.calls()).map(perEvent));
  }
  await using distant = await startCounters(emulators, LATENCY_MILLISECONDS);
  const { eventsPerSecond } = await measure(distant.emulators, events / 2);
  const samples = { loopback: loopback.eventsPerSecond, distant: eventsPerSecond, peakMebibytes, callsPerEvent };
  return report(samples, rounds, events);
}

async function prepare(folder: string): Promise<void> {
  const ours = path.join(folder, 'ours');
  const common = path.join(folder, 'common');
  await mkdir(common);
  await bundleComparator('worker.mjs', path.join(common, 'worker.js'));
  await Promise.all([
    build(workerBundle(PROJECT_ROOT, ours)),
    build(platformSdkBundle(PROJECT_ROOT, ours, { isWhole: false })),
  ]);
}

/** @returns how many seconds it took to handle and delete all events */
async function handleAll(side: Side, runtime: Runtime, emulators: Emulators, events: number): Promise<number> {
  const sqs = createClient(emulators.environment);
  await enqueue(sqs, emulators.queueUrl, events);
  const { pollers, batch } = POLLING[side];
  const left = { count: events };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: pollers }, () => poll(sqs, emulators, runtime, batch, left)));
  const seconds = (performance.now() - startedAt) / 1000;
  sqs.destroy();
  return seconds;
}

/** Receives messages, invokes the function and deletes them, until all are handled. */
async function poll(
  sqs: SQSClient,
  { queueUrl, queueArn }: Emulators,
  runtime: Runtime,
  batch: number,
  left: Countdown,
) {
  while (left.count > 0) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: batch,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) continue;
    left.count -= Messages.length;
    const result = await runtime.invoke({ Records: Messages.map((message) => toSqsRecord(message, queueArn)) });
    const { batchItemFailures = [] } = (result ?? {}) as Partial<SQSBatchResponse>;
    if (batchItemFailures.length > 0) throw new Error(`Not handled:\n${runtime.lines.slice(-10).join('\n')}`);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}

async function enqueue(sqs: SQSClient, QueueUrl: string, events: number): Promise<void> {
  const entries = Array.from({ length: events }, (_, index) => {
    const text = createSample('out_approval', { version: '1.0', token: '' });
    const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const { QueueUrl: _url, ...message } = encodeMessage(QueueUrl, parseEnvelope(text) as EventEnvelope, event);
    return { Id: `${index}`, ...message };
  });
  for (let index = 0; index < entries.length; index += 10) {
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: entries.slice(index, index + 10) }));
  }
}

/** Starts proxies for the emulators that count and delay each call. */
async function startCounters(emulators: Emulators, latencyMilliseconds: number) {
  const { AWS_ENDPOINT_URL_DYNAMODB = '', AWS_ENDPOINT_URL_SQS = '' } = emulators.environment;
  const dynamo = await startCallCounter(AWS_ENDPOINT_URL_DYNAMODB, latencyMilliseconds);
  const sqs = await startCallCounter(AWS_ENDPOINT_URL_SQS, latencyMilliseconds);
  const origins = { AWS_ENDPOINT_URL_DYNAMODB: dynamo.origin, AWS_ENDPOINT_URL_SQS: sqs.origin };
  return {
    emulators: {
      ...emulators,
      environment: { ...emulators.environment, ...origins },
      queueUrl: `${sqs.origin}${new URL(emulators.queueUrl).pathname}`,
    },
    calls(): Record<string, number> {
      // The benchmark itself sends these.
      const { 'AmazonSQS.SendMessageBatch': _sent, ...sqsCalls } = sqs.calls;
      return { ...dynamo.calls, ...sqsCalls };
    },
    async [Symbol.asyncDispose]() {
      await dynamo[Symbol.asyncDispose]();
      await sqs[Symbol.asyncDispose]();
    },
  };
}

function createClient(environment: Record<string, string>): SQSClient {
  return new SQSClient({
    endpoint: environment.AWS_ENDPOINT_URL_SQS as string,
    region: environment.AWS_REGION as string,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

function report(samples: Samples, rounds: number, events: number): Report {
  const { loopback, distant, peakMebibytes, callsPerEvent } = samples;
  const callsOf = (side: Side, service: string) =>
    Object.entries(callsPerEvent[side])
      .filter(([operation]) => operation.startsWith(service))
      .reduce((sum, [, count]) => sum + count, 0);
  const commonSetup = (value: number) => ({ name: 'common setup', value });
  const throughput = (measure: string, eventsPerSecond: Record<Side, number[]>) => ({
    measure,
    unit: '',
    ours: median(eventsPerSecond.ours),
    alternative: commonSetup(median(eventsPerSecond.common)),
    isHigherBetter: true,
  });
  const calls = (name: string, service: string) => ({
    measure: `worker: calls to ${name} per event`,
    unit: '',
    ours: callsOf('ours', service),
    alternative: commonSetup(callsOf('common', service)),
    target: 1,
  });
  return reportComparisons(
    [
      { ...throughput(`worker: events a second, ${LATENCY_MILLISECONDS} ms per call`, distant), target: 3 },
      throughput('worker: events a second, on loopback', loopback),
      calls('DynamoDB', 'DynamoDB'),
      calls('SQS', 'AmazonSQS'),
      {
        measure: `worker's peak memory, ${((rounds + 1) * events).toLocaleString('en')} events`,
        unit: 'MiB',
        ours: peakMebibytes.ours,
        alternative: commonSetup(peakMebibytes.common),
        target: 1,
      },
    ],
    [
      `Worker: one execution environment, medians of ${rounds} alternating rounds of ${events} events. The common setup handles one message at a time, with Powertools' idempotency utility and the official SDK's client. SQS and DynamoDB are emulators in a separate process, used on loopback and through a proxy that adds ${LATENCY_MILLISECONDS} ms to each call, like the network of a region. On loopback the emulators take most of the time, which is the same for both. Each event needs two calls to DynamoDB, each batch two calls to SQS: receive and delete.`,
    ],
    samples,
  );
}
