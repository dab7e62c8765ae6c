import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { connectionBundle } from '../../lib/build/bundle.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { readUsage } from './process-usage.ts';
import { median, type Report, type SuiteOptions } from './report.ts';

const SIDES = {
  ours: path.join(PROJECT_ROOT, 'functions/connection.ts'),
  official: fileURLToPath(new URL('official-connection.ts', import.meta.url)),
};
type Side = keyof typeof SIDES;

const IN_FLIGHT = 200;
/** How long a program takes to become idle. */
const IDLE_AFTER_MILLISECONDS = 1_500;

interface Start {
  startMilliseconds: number;
  idleMebibytes: number;
}

interface Load {
  loadedMebibytes: number;
  eventsPerSecond: number;
  processorMicrosecondsPerEvent: number;
  /** Events not acknowledged in time, which the platform would retry. */
  unacknowledged: number;
}

interface Samples {
  bundleBytes: number;
  starts: Start[];
  loads: Load[];
}

/**
 * Compares the resources used by the long-connection program and by the same program on the official client. The mock
 * platform runs in this process and the mock queue in another, so neither is counted.
 */
export async function benchLongConnection({ isQuick }: SuiteOptions): Promise<Report> {
  const [starts, loads, events] = isQuick ? [3, 1, 5_000] : [7, 1, 100_000];
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  const queue = fork(fileURLToPath(new URL('mock-queue.ts', import.meta.url)), { execArgv: [] });
  try {
    const [{ endpoint }] = await once(queue, 'message');
    const samples = { ours: await prepare('ours', outdir), official: await prepare('official', outdir) };
    // Sides alternate, so that changes on the machine affect both.
    for (let index = 0; index < starts; index++) {
      for (const side of ['ours', 'official'] as const) {
        const eventsToPush = index < loads ? events : 0;
        const { start, load } = await measure(side, outdir, endpoint, eventsToPush);
        samples[side].starts.push(start);
        if (load !== undefined) samples[side].loads.push(load);
      }
    }
    const acknowledged = [...samples.ours.loads, ...samples.official.loads].reduce(
      (sum, { unacknowledged }) => sum + events - unacknowledged,
      0,
    );
    const received = await countReceived(queue);
    if (received < acknowledged)
      throw new Error(`The queue received ${received} of the ${acknowledged} acknowledged events`);
    return report(samples, starts, events);
  } finally {
    queue.disconnect();
    await rm(outdir, { recursive: true });
  }
}

async function prepare(side: Side, outdir: string): Promise<Samples> {
  const bundle = { ...connectionBundle(PROJECT_ROOT, outdir), entryPoints: { [side]: SIDES[side] } };
  // The official client finds its package.json through __dirname, which an ES module lacks.
  await build({ ...bundle, define: { __dirname: 'import.meta.dirname' } });
  const { size } = await stat(path.join(outdir, `${side}.mjs`));
  return { bundleBytes: size, starts: [], loads: [] };
}

async function measure(side: Side, outdir: string, endpoint: string, events: number) {
  const platform = await MockPlatform.start();
  const startedAt = performance.now();
  const program = spawn(process.execPath, [path.join(outdir, `${side}.mjs`)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      AWS_ENDPOINT_URL_SQS: endpoint,
      QUEUE_URL: `${endpoint}/000000000000/bench`,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret',
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: '0',
    },
  });
  try {
    const startMilliseconds = (await waitForPing(platform, program)) - startedAt;
    await sleep(IDLE_AFTER_MILLISECONDS);
    const idle = await readUsage(program.pid ?? 0);
    const start = { startMilliseconds, idleMebibytes: idle.residentMebibytes };
    if (events === 0) return { start };
    const { seconds, unacknowledged } = await pushAll(platform, events);
    await sleep(IDLE_AFTER_MILLISECONDS);
    const loaded = await readUsage(program.pid ?? 0);
    const processorSeconds = loaded.processorSeconds - idle.processorSeconds;
    const load = {
      loadedMebibytes: loaded.residentMebibytes,
      eventsPerSecond: events / seconds,
      processorMicrosecondsPerEvent: (processorSeconds / events) * 1e6,
      unacknowledged,
    };
    return { start, load };
  } finally {
    program.kill('SIGKILL');
    await platform.stop();
  }
}

/**
 * Waits for the first ping, which both clients send as soon as they are connected.
 *
 * @returns its time by `performance.now()`
 */
async function waitForPing(platform: MockPlatform, program: ChildProcess): Promise<number> {
  while (platform.gateway.connections[0]?.pings.length !== 1) {
    if (program.exitCode !== null) throw new Error(`The program exited with ${program.exitCode}`);
    await sleep(1);
  }
  return performance.now();
}

/** Pushes each event once and waits for the last response. */
async function pushAll(platform: MockPlatform, events: number): Promise<{ seconds: number; unacknowledged: number }> {
  const [before = '', after = ''] = createSample('im.message.receive_v1', { version: '2.0', token: '' }).split(
    /(?<="event_id":")[^"]*/,
  );
  const startedAt = performance.now();
  let pushed = 0;
  const pushOneByOne = async () => {
    while (pushed < events) {
      const id = `bench-${pushed++}`;
      await platform.push({ id, text: `${before}${id}${after}` }).settled;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, pushOneByOne));
  const seconds = (performance.now() - startedAt) / 1000;
  const unacknowledged = platform.deliveries.filter(({ state }) => state !== 'acknowledged').length;
  return { seconds, unacknowledged };
}

async function countReceived(queue: ChildProcess): Promise<number> {
  queue.send('count');
  const [{ received }] = await once(queue, 'message');
  return received;
}

function report({ ours, official }: Record<Side, Samples>, starts: number, events: number): Report {
  const row = (name: string, unit: string, digits: number, read: (samples: Samples) => number[]) => {
    const [ourValue, officialValue] = [median(read(ours)), median(read(official))];
    const cells = [ourValue, officialValue].map((value) => `${value.toFixed(digits)} ${unit}`.trim());
    return { name, cells: [...cells, (ourValue / officialValue).toFixed(2)] };
  };
  const count = events.toLocaleString('en');
  return {
    columns: ['ours', 'official client', 'ratio'],
    rows: [
      row('bundle size', 'KB', 0, ({ bundleBytes }) => [bundleBytes / 1000]),
      row('from start to connection', 'ms', 0, (side) => side.starts.map((s) => s.startMilliseconds)),
      row('resident memory, idle', 'MiB', 1, (side) => side.starts.map((s) => s.idleMebibytes)),
      row(`resident memory after ${count} events`, 'MiB', 1, (side) => side.loads.map((l) => l.loadedMebibytes)),
      row('CPU time per event', 'µs', 0, (side) => side.loads.map((l) => l.processorMicrosecondsPerEvent)),
      row('events a second', '', 0, (side) => side.loads.map((l) => l.eventsPerSecond)),
      {
        name: 'not acknowledged in time',
        cells: [ours, official]
          .map(({ loads }) => String(median(loads.map((load) => load.unacknowledged))))
          .concat('–'),
      },
    ],
    notes: [
      `Start time and idle memory are medians of ${starts} alternating starts; the other figures are from one run with ${IN_FLIGHT} events in flight.`,
      'The platform is a mock, and the queue is a mock of SQS in a separate process. Compare the ratios: absolute times depend on the machine.',
    ],
    samples: { ours, official },
  };
}
