import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SQSBatchResponse } from 'aws-lambda';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { HttpResponse } from '../../lib/webhook/http.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { type ExecutionEnvironment, type Program, startEnvironment } from './execution-environment.ts';
import { readPeakMebibytes } from './process-usage.ts';
import { bundleAlternative, bundleOurs } from './programs.ts';
import { NAMES, type Reply, reportReplies, type Samples, SIDES, type Side } from './reply-report.ts';
import type { Report, SuiteOptions } from './report.ts';
import { encryptKey, now, type Services, startServices, toBatch, token } from './services.ts';

const MEMORY_MEGABYTES = [128, 256, 512, 1024, 1769];
const LATENCY = { awsLatencyMilliseconds: 5, platformLatencyMilliseconds: 30 };
/** V8 optimizes most of the code within this number of events. */
const WARM_UP_EVENTS = 60;

interface Functions {
  webhook: Program;
  /** `undefined` if the webhook replies. */
  worker?: Program;
}

type FunctionName = keyof Functions;
/** Starts a function, or returns the one that is already running. */
type Start = (name: FunctionName) => Promise<ExecutionEnvironment>;

/**
 * Measures the time from a message to the reply's arrival at the platform, under AWS's runtime client, for several memory
 * sizes. The webhook and the worker are execution environments of their own, each with a full CPU in its init phase and
 * with Lambda's share of a CPU in its invocations. The benchmark delivers the queue message to the worker as soon as the
 * queue has stored it.
 */
export async function benchReply({ isQuick }: SuiteOptions): Promise<Report> {
  const [starts, warmUps, events] = isQuick ? [2, 3, 5] : [11, WARM_UP_EVENTS, 50];
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  parts.defer(() => rm(folder, { recursive: true }));
  const functions: Record<Side, Functions> = {
    ours: await bundleOurs(folder),
    queue: {
      webhook: await bundleAlternative(folder, 'webhook'),
      worker: await bundleAlternative(folder, 'reply-worker'),
    },
    inline: { webhook: await bundleAlternative(folder, 'reply-inline') },
  };
  const services = parts.use(await startServices(folder, { ...LATENCY, isQueueSilent: false }));
  const samples: Samples[] = [];
  let isRestricted = true;
  for (const memoryMegabytes of MEMORY_MEGABYTES) {
    const start = async (side: Side, name: FunctionName) => {
      const environment = await startEnvironment(
        functions[side][name] as Program,
        memoryMegabytes,
        services.environment,
      );
      isRestricted = environment.cpuShare !== undefined;
      return environment;
    };
    console.error(`  ${memoryMegabytes} MB …`);
    const cold = await measureCold(start, services, starts);
    samples.push({ memoryMegabytes, cold, ...(await measureWarm(start, services, warmUps, events)) });
    // On a full CPU, the memory size makes no difference.
    if (!isRestricted) break;
  }
  return reportReplies(samples, { isRestricted, ...LATENCY });
}

async function measureCold(
  start: (side: Side, name: FunctionName) => Promise<ExecutionEnvironment>,
  services: Services,
  rounds: number,
): Promise<Samples['cold']> {
  const replies = noReplies();
  // Sides alternate, so that changes on the machine affect all. The first round warms the disk cache.
  for (let round = -1; round < rounds; round++) {
    for (const side of rotateSides(round)) {
      await using running = new AsyncDisposableStack();
      const reply = await replyOnce(side, services, async (name) => {
        const environment = await start(side, name);
        running.defer(() => environment.stop());
        return environment;
      });
      if (round >= 0) replies[side].push(reply);
    }
  }
  return replies;
}

async function measureWarm(
  start: (side: Side, name: FunctionName) => Promise<ExecutionEnvironment>,
  services: Services,
  warmUps: number,
  events: number,
): Promise<Pick<Samples, 'warm' | 'beyondMemory'>> {
  await using parts = new AsyncDisposableStack();
  const running = new Map<string, Promise<ExecutionEnvironment>>();
  const startOnce = (side: Side): Start => {
    return (name) => {
      const key = `${name} (${NAMES[side]})`;
      const environment = running.get(key) ?? start(side, name);
      running.set(key, environment);
      return environment;
    };
  };
  parts.defer(async () => {
    for (const environment of running.values()) await (await environment).stop();
  });
  const replies = noReplies();
  for (let round = -warmUps; round < events; round++) {
    for (const side of rotateSides(round)) {
      const reply = await replyOnce(side, services, startOnce(side));
      if (round >= 0) replies[side].push(reply);
    }
  }
  const beyondMemory: string[] = [];
  for (const [key, environment] of running) {
    const { pid, memoryMegabytes } = await environment;
    if ((await readPeakMebibytes(pid)) > memoryMegabytes) beyondMemory.push(key);
  }
  return { warm: replies, beyondMemory };
}

/** Sends one message and waits for its reply and for the end of the invocations. */
async function replyOnce(side: Side, services: Services, start: Start): Promise<Reply> {
  const text = createSample('im.message.receive_v1', { version: '2.0', token });
  const replied = services.replyTo(JSON.parse(text).event.message.message_id);
  const startedAt = now();
  const webhook = await start('webhook');
  const stored = side === 'inline' ? undefined : services.nextMessage();
  const acknowledged = invoke(webhook, toHttpEvent(writeRequest(text, { encryptKey }, Date.now())));
  const invocations = [acknowledged];
  if (stored !== undefined) {
    // Rejects if the webhook fails, because then nothing is stored.
    const message = await Promise.race([stored, acknowledged.then(() => stored)]);
    invocations.push(invoke(await start('worker'), toBatch([message])));
  }
  const durations = await Promise.all(invocations);
  return { toReply: (await replied) - startedAt, invocations: durations };
}

/** @returns the invocation's duration in milliseconds */
async function invoke(environment: ExecutionEnvironment, event: unknown): Promise<number> {
  const { result, milliseconds } = await environment.invoke(event);
  const { statusCode = 200, batchItemFailures = [] } = (result ?? {}) as Partial<HttpResponse & SQSBatchResponse>;
  if (statusCode === 200 && batchItemFailures.length === 0) return milliseconds;
  throw new Error(`The function failed: ${JSON.stringify(result)}\n${environment.lines.slice(-10).join('\n')}`);
}

function rotateSides(round: number): Side[] {
  const shift = ((round % SIDES.length) + SIDES.length) % SIDES.length;
  return [...SIDES.slice(shift), ...SIDES.slice(0, shift)];
}

function noReplies(): Record<Side, Reply[]> {
  return { ours: [], queue: [], inline: [] };
}
