import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { webhookBundle } from '../../lib/build/bundle.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { HttpEvent, HttpResponse } from '../../lib/webhook/http.ts';
import { type Runtime, startRuntime } from '../deploy/artifacts/runtime.ts';
import { installRuntimeClient } from '../deploy/artifacts/runtime-client.ts';
import { createCertificate } from '../support/certificate.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { bundleComparator, comparator, installComparators } from './comparators.ts';
import { type CpuShare, createCpuShare } from './cpu-share.ts';
import { readPeakMebibytes } from './process-usage.ts';
import { type Comparison, median, quantile, type Report, reportComparisons, type SuiteOptions } from './report.ts';

const SIDES = ['empty', 'floor', 'common', 'ours'] as const;
type Side = (typeof SIDES)[number];
const NAMES: Record<Side, string> = {
  empty: 'empty function',
  floor: 'lower bound',
  common: 'common setup',
  ours: 'this template',
};

const encryptKey = 'the encrypt key of the bench';
const token = 'the verification token of the bench';
const WARM_EVENTS = 500;
/** The template's `memorySize`. */
const MEMORY_MEGABYTES = 512;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const CPU_SHARE = MEMORY_MEGABYTES / 1769;

/** The platform's requests, and what the response must contain. */
const REQUESTS = {
  event: { text: () => createSample('im.message.receive_v1', { version: '2.0', token }), response: 'success' },
  verification: {
    text: () => JSON.stringify({ type: 'url_verification', challenge: 'bench', token }),
    response: '{"challenge":"bench"}',
  },
};
type Kind = keyof typeof REQUESTS;

/** A function that can be started. */
interface Program {
  taskRoot: string;
  handler: string;
}

/** The times of one new process, in milliseconds. */
interface ColdStart {
  /** From the start of the process until it waits for the first request. */
  init: number;
  /** From the first request to its response. */
  firstRequest: number;
}

interface Samples {
  event: Record<Side, ColdStart[]>;
  verification: Record<Side, ColdStart[]>;
  peakMebibytes: Record<Side, number[]>;
  minifiedBytes: { ours: number; common: number };
}

/**
 * Measures the webhook's cold start under AWS's runtime client: the init phase of a new process on a full CPU, then the
 * response to its first request with the share of a CPU that Lambda gives an invocation. A mock queue on loopback responds
 * over TLS, as SQS does.
 */
export async function benchColdStart({ isQuick }: SuiteOptions): Promise<Report> {
  const [starts, memoryStarts] = isQuick ? [5, 1] : [21, 3];
  await using cpuShare = await createCpuShare(CPU_SHARE);
  await installComparators();
  const clientPath = await installRuntimeClient();
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  const { key, certificate } = await createCertificate(folder);
  const queue = fork(fileURLToPath(new URL('mock-queue.ts', import.meta.url)), [key, certificate], {
    execArgv: [],
  });
  try {
    const [{ endpoint }] = await once(queue, 'message');
    const { programs, minifiedBytes } = await prepare(folder);
    const start = (side: Side) =>
      startRuntime({
        ...programs[side],
        clientPath,
        functionName: side,
        memoryMegabytes: MEMORY_MEGABYTES,
        timeoutSeconds: 10,
        environment: environmentOf(endpoint, certificate),
      });
    const samples: Samples = {
      event: noSamples(),
      verification: noSamples(),
      peakMebibytes: noSamples(),
      minifiedBytes,
    };
    // Sides alternate, so that changes on the machine affect all. The first round warms the disk cache.
    for (let round = -1; round < starts; round++) {
      for (const kind of ['event', 'verification'] as const) {
        for (const side of rotateSides(round)) {
          const coldStart = await measure(() => start(side), side, kind, cpuShare);
          if (round >= 0) samples[kind][side].push(coldStart);
        }
      }
    }
    for (let round = 0; round < memoryStarts; round++) {
      for (const side of SIDES) samples.peakMebibytes[side].push(await measurePeak(await start(side), side));
    }
    return report(samples, cpuShare !== undefined);
  } finally {
    queue.disconnect();
    await rm(folder, { recursive: true });
  }
}

async function prepare(folder: string) {
  const programs = Object.fromEntries(SIDES.map((side) => [side, path.join(folder, side)])) as Record<Side, string>;
  for (const taskRoot of Object.values(programs)) await mkdir(taskRoot);
  await copyFile(comparator('empty.cjs'), path.join(programs.empty, 'webhook.cjs'));
  await copyFile(comparator('floor.cjs'), path.join(programs.floor, 'webhook.cjs'));
  await bundleComparator('webhook.mjs', path.join(programs.common, 'webhook.js'));
  const { metafile } = await build(webhookBundle(PROJECT_ROOT, programs.ours));
  const bytesOf = (name: string) =>
    Object.entries(metafile.outputs).find(([file]) => path.basename(file) === name)?.[1].bytes ?? Number.NaN;
  return {
    programs: Object.fromEntries(
      Object.entries(programs).map(([side, taskRoot]) => [side, { taskRoot, handler: 'webhook.handler' }]),
    ) as Record<Side, Program>,
    minifiedBytes: {
      ours: bytesOf('webhook.mjs'),
      common: await bundleComparator('webhook.mjs', path.join(folder, 'minified.js'), true),
    },
  };
}

/** The environment variables that the template and Lambda set. */
function environmentOf(endpoint: string, certificate: string): Record<string, string> {
  return {
    FEISHU_ENCRYPT_KEY: encryptKey,
    FEISHU_VERIFICATION_TOKEN: token,
    QUEUE_URL: `${endpoint}/000000000000/bench`,
    LOG_LEVEL: 'INFO',
    POWERTOOLS_SERVICE_NAME: 'bench',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'ASIABENCH',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
    AWS_ENDPOINT_URL_SQS: endpoint,
    NODE_EXTRA_CA_CERTS: certificate,
  };
}

async function measure(
  start: () => Promise<Runtime>,
  side: Side,
  kind: Kind,
  cpuShare: CpuShare | undefined,
): Promise<ColdStart> {
  const startedAt = performance.now();
  const runtime = await start();
  await runtime.initialized;
  const init = performance.now() - startedAt;
  await cpuShare?.restrict(runtime.pid);
  const event = createEvent(kind);
  const requestedAt = performance.now();
  await request(runtime, side, kind, event);
  const firstRequest = performance.now() - requestedAt;
  await runtime.stop();
  return { init, firstRequest };
}

async function measurePeak(runtime: Runtime, side: Side): Promise<number> {
  for (let count = 0; count < WARM_EVENTS; count++) await request(runtime, side, 'event', createEvent('event'));
  const mebibytes = await readPeakMebibytes(runtime.pid);
  await runtime.stop();
  return mebibytes;
}

function createEvent(kind: Kind): HttpEvent {
  return toHttpEvent(writeRequest(REQUESTS[kind].text(), { encryptKey }, Date.now()));
}

async function request(runtime: Runtime, side: Side, kind: Kind, event: HttpEvent): Promise<void> {
  const { statusCode, body } = (await runtime.invoke(event)) as HttpResponse;
  const isExpected = statusCode === 200 && (side === 'empty' || body.includes(REQUESTS[kind].response));
  if (!isExpected) throw new Error(`${side} responded with ${statusCode} ${body}:\n${runtime.lines.join('\n')}`);
}

function rotateSides(round: number): Side[] {
  const shift = (round + SIDES.length) % SIDES.length;
  return [...SIDES.slice(shift), ...SIDES.slice(0, shift)];
}

function noSamples<Sample>(): Record<Side, Sample[]> {
  return { empty: [], floor: [], common: [], ours: [] };
}

type Duration = (coldStart: ColdStart) => number;
const init: Duration = (coldStart) => coldStart.init;
const firstRequest: Duration = (coldStart) => coldStart.firstRequest;
const total: Duration = (coldStart) => coldStart.init + coldStart.firstRequest;

function report(samples: Samples, isRestricted: boolean): Report {
  const { event, verification, peakMebibytes, minifiedBytes } = samples;
  const compare = (
    measure: string,
    coldStarts: Record<Side, ColdStart[]>,
    duration: Duration,
    side: 'common' | 'floor',
    target?: number,
  ): Comparison => {
    const [ours, theirs] = [coldStarts.ours.map(duration), coldStarts[side].map(duration)];
    const ratios = ours.map((milliseconds, round) => milliseconds / (theirs[round] as number));
    return {
      measure: `webhook, cold: ${measure}`,
      unit: 'ms',
      ours: median(ours),
      alternative: { name: NAMES[side], value: median(theirs) },
      ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      ...(target !== undefined && { target }),
    };
  };
  const share = `${(CPU_SHARE * 100).toFixed(0)}% of a vCPU`;
  return reportComparisons(
    [
      compare('first event after init', event, firstRequest, 'common', 0.2),
      compare('first event after init', event, firstRequest, 'floor', 0.2),
      compare('init and the first event', event, total, 'common', 0.3),
      compare('init and the first event', event, total, 'floor'),
      compare('init and a URL verification', verification, total, 'common', 0.3),
      compare('init and a URL verification', verification, total, 'floor'),
      {
        measure: "webhook's bundle, minified",
        unit: 'KB',
        ours: minifiedBytes.ours / 1000,
        alternative: { name: NAMES.common, value: minifiedBytes.common / 1000 },
        target: 1,
      },
      {
        measure: `webhook's peak memory, ${WARM_EVENTS} events`,
        unit: 'MiB',
        ours: median(peakMebibytes.ours),
        alternative: { name: NAMES.common, value: median(peakMebibytes.common) },
        target: 1,
      },
    ],
    [
      isRestricted
        ? `Cold: init has a full vCPU. The first request has ${share}, like an invocation with ${MEMORY_MEGABYTES} MB on Lambda.`
        : `Cold, **on a full vCPU**: an invocation with ${MEMORY_MEGABYTES} MB on Lambda has ${share}, but no control group could be created in /sys/fs/cgroup, which needs Linux and root. These figures do not show what a cold start takes on Lambda.`,
      `Medians and quartiles of ${event.ours.length} new processes each, alternating, under aws-lambda-ric, in ms. The queue is a mock that responds to SendMessage over TLS on loopback.`,
      tabulate(samples),
      "Common setup: the official SDK's dispatcher and client-sqs, bundled with esbuild's defaults. Lower bound: node:crypto and a hand-signed request over node:https. Neither has a log, metrics or a time limit.",
    ],
    samples,
  );
}

/** Writes the phases of each side as a Markdown table. */
function tabulate({ event, verification }: Samples): string {
  const cell = (coldStarts: ColdStart[], duration: Duration) => {
    const times = coldStarts.map(duration);
    return [0.5, 0.25, 0.75].map((share) => quantile(times, share).toFixed(0));
  };
  const rows = SIDES.map((side) => {
    const cells = [
      cell(event[side], init),
      cell(event[side], firstRequest),
      cell(event[side], total),
      cell(verification[side], firstRequest),
      cell(verification[side], total),
    ];
    return `| ${NAMES[side]} | ${cells.map(([middle, lower, upper]) => `${middle} (${lower}–${upper})`).join(' | ')} |`;
  });
  const columns = ['init', 'first event', 'init and event', 'URL verification', 'init and verification'];
  return [`| | ${columns.join(' | ')} |`, `|---|${'---|'.repeat(columns.length)}`, ...rows].join('\n');
}
