import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { HttpResponse } from '../../lib/webhook/http.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { createCpuShare } from './cpu-share.ts';
import { type ExecutionEnvironment, type Program, startEnvironment } from './execution-environment.ts';
import { cpuShareOf } from './lambda-memory.ts';
import { bundleAlternative, bundleOurs } from './programs.ts';
import { quantile, type Report, type SuiteOptions } from './report.ts';
import { encryptKey, type Services, startServices, token } from './services.ts';

const EVENTS = 50;
const MEMORY_MEGABYTES = 512;
const LATENCY = { awsLatencyMilliseconds: 5, platformLatencyMilliseconds: 30 };
/** The platform counts a later response as a failure. */
const PLATFORM_WAITS_MILLISECONDS = 3000;

interface Response {
  status: number;
  /** From the arrival at the gateway, including the init phase. */
  milliseconds: number;
}

interface Samples {
  ours: Response[];
  common: Response[];
  nextToNeighbor: Response[];
  withoutQueue: Response[];
  /** The number of messages in the queue after the bursts of this project. */
  stored: number;
}

/**
 * Measures the acknowledgement of 50 events that arrive at once when no webhook is running. As on Lambda, each event has
 * its own execution environment. The machine has too few processors to give each a full one in its init phase, so they
 * start one after the other, one per processor. When all have started, all events are sent at once. Each counts as having
 * arrived as long before as the init phase of its environment took, so that its deadline is the same as on Lambda.
 *
 * Also measures whether the webhook responds in time if a process competes for its share of a CPU, even if SQS does not
 * respond.
 */
export async function benchBurst({ isQuick }: SuiteOptions): Promise<Report> {
  const [rounds, singleEvents] = isQuick ? [1, 2] : [5, 20];
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  parts.defer(() => rm(folder, { recursive: true }));
  const { webhook } = await bundleOurs(folder);
  const common = await bundleAlternative(folder, 'webhook');
  const services = parts.use(await startServices(folder, { ...LATENCY, isQueueSilent: false }));
  const silent = parts.use(await startServices(folder, { ...LATENCY, isQueueSilent: true }));
  const samples: Samples = { ours: [], common: [], nextToNeighbor: [], withoutQueue: [], stored: 0 };
  for (let round = 0; round < rounds; round++) {
    const before = services.messages;
    samples.ours.push(...(await sendAtOnce(webhook, services)));
    samples.stored += services.messages - before;
    samples.common.push(...(await sendAtOnce(common, services)));
  }
  for (let event = 0; event < singleEvents; event++) {
    samples.nextToNeighbor.push(await sendNextToNeighbor(webhook, services));
    samples.withoutQueue.push(await sendNextToNeighbor(webhook, silent));
  }
  await using cpuShare = await createCpuShare(cpuShareOf(MEMORY_MEGABYTES));
  return report(samples, cpuShare !== undefined);
}

/** Sends events to as many new execution environments. */
async function sendAtOnce(program: Program, { environment }: Services): Promise<Response[]> {
  await using started = new AsyncDisposableStack();
  const environments: ExecutionEnvironment[] = [];
  let left = EVENTS;
  const startOneByOne = async () => {
    while (left-- > 0) {
      const one = await startEnvironment(program, MEMORY_MEGABYTES, environment);
      started.defer(() => one.stop());
      environments.push(one);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, startOneByOne));
  // The environments stop as soon as this function returns.
  return await Promise.all(environments.map(sendFirstEvent));
}

/** Sends the first event to a new execution environment in which another process uses all the CPU time it gets. */
async function sendNextToNeighbor(program: Program, { environment }: Services): Promise<Response> {
  const webhook = await startEnvironment(program, MEMORY_MEGABYTES, environment);
  const neighbor = spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' });
  const ended = once(neighbor, 'exit');
  try {
    await webhook.cpuShare?.restrict(neighbor.pid as number);
    return await sendFirstEvent(webhook);
  } finally {
    neighbor.kill('SIGKILL');
    await ended;
    await webhook.stop();
  }
}

async function sendFirstEvent({ initMilliseconds, invoke }: ExecutionEnvironment): Promise<Response> {
  const text = createSample('im.message.receive_v1', { version: '2.0', token });
  const event = toHttpEvent(writeRequest(text, { encryptKey }, Date.now()));
  // It waited for the init phase.
  Object.assign(event.requestContext, { timeEpoch: Date.now() - initMilliseconds });
  const { result, milliseconds } = await invoke(event);
  return { status: (result as HttpResponse).statusCode, milliseconds: initMilliseconds + milliseconds };
}

function report({ stored, ...responses }: Samples, isRestricted: boolean): Report {
  const row = (name: string, all: Response[], expected: number) => {
    const times = all.map(({ milliseconds }) => milliseconds);
    const others = all.filter(({ status }) => status !== expected).length;
    const late = times.filter((time) => time > PLATFORM_WAITS_MILLISECONDS).length;
    const cells = [0.5, 0.99, 1].map((share) => `${quantile(times, share).toFixed(0)} ms`);
    return { name, cells: [...cells, `${expected}`, `${others}`, `${late}`] };
  };
  const { ours, common, nextToNeighbor, withoutQueue } = responses;
  const rows = [
    row(`${EVENTS} events at once: this template`, ours, 200),
    row(`${EVENTS} events at once: common setup`, common, 200),
    row('next to a busy process', nextToNeighbor, 200),
    row('next to a busy process, SQS does not respond', withoutQueue, 503),
  ];
  const failures = [
    ...ours.filter(({ status }) => status !== 200),
    ...withoutQueue.filter(({ status, milliseconds }) => status !== 503 || milliseconds > PLATFORM_WAITS_MILLISECONDS),
  ];
  if (failures.length > 0 || stored !== ours.length) process.exitCode = 1;
  const share = `${(cpuShareOf(MEMORY_MEGABYTES) * 100).toFixed(0)}% of a vCPU`;
  return {
    columns: [
      'p50',
      'p99',
      'longest',
      'expected status',
      'other status',
      `after ${PLATFORM_WAITS_MILLISECONDS / 1000} s`,
    ],
    rows,
    notes: [
      isRestricted
        ? `Burst: each event has a new execution environment with a full vCPU in its init phase, and ${share} from then on. The times include both.`
        : `Burst, **on a full vCPU**: an invocation with ${MEMORY_MEGABYTES} MB on Lambda has ${share}, but no control group could be created in /sys/fs/cgroup, which needs Linux and root.`,
      `${ours.length / EVENTS} bursts on each side, of which this template queued ${stored} of ${ours.length} events. Init phases run one per processor, then all ${EVENTS} events are sent at once. The environments would have ${Math.round(EVENTS * cpuShareOf(MEMORY_MEGABYTES))} vCPUs on Lambda and share ${availableParallelism()} here, so acknowledging takes longer. A call to SQS takes ${LATENCY.awsLatencyMilliseconds} ms.`,
      `The last two rows are ${nextToNeighbor.length} single events of this template each. The busy process is in the control group of the webhook, which leaves it about half of its share.`,
    ],
    samples: { stored, ...responses },
  };
}
