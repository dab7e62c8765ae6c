import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import type { Program } from './execution-environment.ts';
import type { StoredMessage } from './mock-services.ts';
import { readSourceMaps, summarizeProfile } from './profile-summary.ts';
import { bundleAlternative, bundleOurs } from './programs.ts';
import { median, quantile, type Report, reportComparisons, type SuiteOptions } from './report.ts';
import { encryptKey, type Services, startServices, toBatch, token } from './services.ts';
import type { Job, Measured } from './simulation/measured-function.ts';

const SIDES = ['ours', 'common'] as const;
type Side = (typeof SIDES)[number];

/** The folder of the profiles, which browsers and editors open. */
const PROFILES = path.join(PROJECT_ROOT, '.bench');

/** Smaller parts of a profile are not listed. */
const SMALLEST_SHARE = 0.01;

/** A function's invocations, and how many events each has. */
interface Workload {
  name: string;
  programs: Record<Side, Program>;
  createEvent: Record<Side, () => unknown>;
  size: number;
}

/**
 * Measures the CPU time that an event takes in the warm webhook and in the warm worker, whose handler replies to a message,
 * and what it is spent on. The services are mocks in a separate process, over TLS.
 */
export async function benchWarmCost({ isQuick }: SuiteOptions): Promise<Report> {
  // Events, not invocations, because V8 optimizes code by the number of its calls.
  const [runs, warmUps, measured] = isQuick ? [2, 60, 40] : [5, 2000, 2000];
  await using parts = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  parts.defer(() => rm(folder, { recursive: true }));
  const ours = await bundleOurs(folder);
  const commonWebhook = await bundleAlternative(folder, 'webhook');
  const commonWorker = await bundleAlternative(folder, 'reply-worker');
  const services = parts.use(
    await startServices(folder, { awsLatencyMilliseconds: 0, platformLatencyMilliseconds: 0, isQueueSilent: false }),
  );
  const worker = (size: number): Workload => ({
    name: `worker, ${size === 1 ? 'one event' : `${size} events`} per batch`,
    programs: { ours: ours.worker, common: commonWorker },
    createEvent: { ours: () => createBatch(size, oursOf), common: () => createBatch(size, commonOf) },
    size,
  });
  const webhook: Workload = {
    name: 'webhook',
    programs: { ours: ours.webhook, common: commonWebhook },
    createEvent: { ours: createRequest, common: createRequest },
    size: 1,
  };
  const measure = async ({ programs, createEvent, size }: Workload, side: Side, isProfiled = false) => {
    // The first invocation is the cold start.
    const first = 1 + warmUps / size;
    const events = Array.from({ length: first + measured / size }, createEvent[side]);
    const { warm, profile } = await run(programs[side], services, {
      events,
      ...(isProfiled && { profileFrom: first }),
    });
    const total = warm.slice(warmUps / size).reduce((sum, time) => sum + time, 0);
    // The mean, not the median, because it includes garbage collection.
    return { milliseconds: total / measured, profile };
  };

  const results = [];
  for (const workload of [webhook, worker(1), worker(10)]) {
    const times: Record<Side, number[]> = { ours: [], common: [] };
    for (let round = 0; round < runs; round++) {
      // Sides alternate, so that changes on the machine affect both.
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        times[side].push((await measure(workload, side)).milliseconds * 1000);
      }
    }
    const { profile } = await measure(workload, 'ours', true);
    if (profile === undefined) throw new Error(`${workload.name} was not profiled`);
    await writeFile(
      path.join(PROFILES, `${workload.name.replaceAll(/\W+/g, '-')}.cpuprofile`),
      JSON.stringify(profile),
    );
    results.push({ name: workload.name, times, shares: [...summarizeProfile(profile, readSourceMaps())] });
  }
  const ratioQuartiles = ({ ours, common }: Record<Side, number[]>): [number, number] => {
    const ratios = ours.map((time, round) => time / (common[round] ?? Number.NaN));
    return [quantile(ratios, 0.25), quantile(ratios, 0.75)];
  };
  return reportComparisons(
    results.map(({ name, times }) => ({
      measure: `CPU time per event: ${name}`,
      unit: 'µs',
      ours: median(times.ours),
      alternative: { name: 'official SDK', value: median(times.common) },
      ratioQuartiles: ratioQuartiles(times),
    })),
    [
      `CPU time: medians of ${runs} alternating processes of ${measured} events each, after ${warmUps} to warm up. The handler replies to a message. The services are mocks in a separate process, over TLS. The official SDK's side has no idempotency, log or metrics.`,
      ...results.flatMap(({ name, times, shares }) => [
        `**${name}: where this template spends the CPU time of an event**`,
        [
          '| | share | µs |\n|---|---|---|',
          ...shares
            .filter(([, share]) => share >= SMALLEST_SHARE)
            .map(([purpose, share]) => {
              return `| ${purpose} | ${(share * 100).toFixed(0)}% | ${(share * median(times.ours)).toFixed(0)} |`;
            }),
        ].join('\n'),
      ]),
    ],
    results,
  );
}

async function run(
  { taskRoot, handler }: Program,
  services: Services,
  job: Omit<Job, 'bundlePath'>,
): Promise<Measured> {
  const [name] = handler.split('.');
  const child = fork(fileURLToPath(new URL('simulation/measured-function.ts', import.meta.url)), {
    execArgv: [],
    // On Lambda, a function writes its log lines directly.
    env: { ...services.environment, AWS_LAMBDA_RUNTIME_API: '127.0.0.1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const bundlePath = path.join(taskRoot, `${name}.${taskRoot.endsWith('ours') ? 'mjs' : 'js'}`);
  child.send({ bundlePath, ...job } satisfies Job);
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => Promise.reject(new Error(`${handler} exited with ${code}`)));
  const [measured] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  // Its open connections would keep it alive.
  child.kill();
  await exited;
  return measured as Measured;
}

function createRequest(): unknown {
  return toHttpEvent(writeRequest(createText(), { encryptKey }, Date.now()));
}

function createBatch(size: number, encode: (text: string) => Omit<StoredMessage, 'MessageId'>): unknown {
  return toBatch(Array.from({ length: size }, () => ({ MessageId: randomUUID(), ...encode(createText()) })));
}

function oursOf(text: string): Omit<StoredMessage, 'MessageId'> {
  const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
  return encodeMessage('', parseEnvelope(text) as EventEnvelope, event) as Omit<StoredMessage, 'MessageId'>;
}

/** The official dispatcher passes the event without its envelope. */
function commonOf(text: string): Omit<StoredMessage, 'MessageId'> {
  return { MessageBody: JSON.stringify(JSON.parse(text).event) };
}

function createText(): string {
  return createSample('im.message.receive_v1', { version: '2.0', token });
}
