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
import { readPeakMebibytes } from './process-usage.ts';
import { type Comparison, median, type Report, reportComparisons, type SuiteOptions } from './report.ts';

const SIDES = ['empty', 'floor', 'common', 'ours'] as const;
type Side = (typeof SIDES)[number];

const encryptKey = 'the encrypt key of the bench';
const token = 'the verification token of the bench';
const WARM_EVENTS = 500;

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

interface Samples {
  /** Milliseconds from the start of the process to the response. */
  event: Record<Side, number[]>;
  verification: Record<Side, number[]>;
  peakMebibytes: Record<Side, number[]>;
  minifiedBytes: { ours: number; common: number };
}

/**
 * Measures the webhook's cold start under AWS's runtime client: from the start of a new process, through init, to the
 * response to its first request. A mock queue on loopback responds over TLS, as SQS does. The time of an empty function
 * is subtracted.
 */
export async function benchColdStart({ isQuick }: SuiteOptions): Promise<Report> {
  const [starts, memoryStarts] = isQuick ? [5, 1] : [21, 3];
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
        memoryMegabytes: 512,
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
          const milliseconds = await measure(() => start(side), side, kind);
          if (round >= 0) samples[kind][side].push(milliseconds);
        }
      }
    }
    for (let round = 0; round < memoryStarts; round++) {
      for (const side of SIDES) samples.peakMebibytes[side].push(await measurePeak(await start(side), side));
    }
    return report(samples, starts);
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
      ours: bytesOf('webhook.mjs') + bytesOf('sqs-sender.mjs'),
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

async function measure(start: () => Promise<Runtime>, side: Side, kind: Kind): Promise<number> {
  const event = createEvent(kind);
  const startedAt = performance.now();
  const runtime = await start();
  await request(runtime, side, kind, event);
  const milliseconds = performance.now() - startedAt;
  await runtime.stop();
  return milliseconds;
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

function noSamples(): Record<Side, number[]> {
  return { empty: [], floor: [], common: [], ours: [] };
}

function report(samples: Samples, starts: number): Report {
  const compare = (measure: string, times: Record<Side, number[]>, target: { common: number; floor: number }) => {
    const net = (side: Side) => median(times[side]) - median(times.empty);
    return (['common', 'floor'] as const).map(
      (side): Comparison => ({
        measure,
        unit: 'ms',
        ours: net('ours'),
        alternative: { name: side === 'common' ? 'common setup' : 'lower bound', value: net(side) },
        target: target[side],
      }),
    );
  };
  const { peakMebibytes, minifiedBytes } = samples;
  return reportComparisons(
    [
      ...compare('webhook, cold: init and the first event', samples.event, { common: 0.25, floor: 2.5 }),
      ...compare('webhook, cold: init and a URL verification', samples.verification, { common: 0.2, floor: 1.3 }),
      {
        measure: "webhook's bundle, minified",
        unit: 'KB',
        ours: minifiedBytes.ours / 1000,
        alternative: { name: 'common setup', value: minifiedBytes.common / 1000 },
        target: 1,
      },
      {
        measure: `webhook's peak memory, ${WARM_EVENTS} events`,
        unit: 'MiB',
        ours: median(peakMebibytes.ours),
        alternative: { name: 'common setup', value: median(peakMebibytes.common) },
        target: 1,
      },
    ],
    [
      `Cold: medians of ${starts} new processes each, alternating, under aws-lambda-ric. The ${median(samples.event.empty).toFixed(0)} ms of an empty function are subtracted. The queue is a mock that responds to SendMessage over TLS on loopback.`,
      "Common setup: the official SDK's dispatcher and client-sqs, bundled with esbuild's defaults. Lower bound: node:crypto and a hand-signed request over node:https. Neither has a log, metrics or a time limit.",
    ],
    samples,
  );
}
