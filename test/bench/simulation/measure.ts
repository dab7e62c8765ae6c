import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SQSEvent } from 'aws-lambda';
import { type BuildOptions, build } from 'esbuild';
import { platformSdkBundle, webhookBundle, workerBundle } from '../../../lib/build/bundle.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { toHttpEvent } from '../../support/http-events.ts';
import { PROJECT_ROOT } from '../../support/project.ts';
import { median } from '../report.ts';
import type { Job, Measured } from './measured-function.ts';

// Measures the CPU time of this code for the simulation and writes measured.json: `node test/bench/simulation/measure.ts`

/** CPU time of the functions in milliseconds, on one full CPU of the measuring machine. */
export interface Measurements {
  measuredOn: string;
  webhook: number;
  webhookCold: number;
  workerBatch: number;
  workerEvent: number;
  workerCold: number;
}

const STARTS = 15;
const WARM_UP_EVENTS = 600;
const EVENTS = 1200;
const BATCH_SIZE = 10;
const ENCRYPT_KEY = 'an encrypt key';

const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-measure-'));
const emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360 });
try {
  const bundles = [webhookBundle, workerBundle].map((bundle) => bundle(PROJECT_ROOT, folder));
  const sdk = platformSdkBundle(PROJECT_ROOT, folder, { isWhole: false });
  // As JavaScript, because loading Node's TypeScript support would count as part of a cold start.
  const program = {
    entryPoints: { 'measured-function': path.join(import.meta.dirname, 'measured-function.ts') },
    outdir: folder,
    format: 'esm' as const,
    outExtension: { '.js': '.mjs' },
  };
  await Promise.all([...bundles, sdk, program].map((options: BuildOptions) => build(options)));
  const webhookCold = await measureCold('webhook', webhookEvent);
  const [webhook] = await measureWarm('webhook', webhookEvent);
  const workerCold = await measureCold('worker', () => workerEvent(1));
  // Batch sizes alternate, so that both meet equally warm code and an equally busy machine.
  const [ten, one] = await measureWarm('worker', (index) => workerEvent(index % 2 === 0 ? BATCH_SIZE : 1));
  const perEvent = (ten - one) / (BATCH_SIZE - 1);
  const round = (milliseconds: number) => Math.round(milliseconds * 100) / 100;
  const measurements: Measurements = {
    measuredOn: `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${process.arch}`,
    webhook: round(webhook),
    webhookCold: round(webhookCold),
    workerBatch: round(one - perEvent),
    workerEvent: round(perEvent),
    workerCold: round(workerCold),
  };
  const file = path.join(import.meta.dirname, 'measured.json');
  await writeFile(file, `${JSON.stringify(measurements, null, 2)}\n`);
  console.log(measurements);
} finally {
  await emulators.stop();
  await rm(folder, { recursive: true });
}

async function measureCold(name: string, createEvent: () => unknown): Promise<number> {
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start += 1) starts.push((await measure(name, [createEvent()])).cold);
  return median(starts);
}

/** @returns the means of the events with an even and of those with an odd index */
async function measureWarm(name: string, createEvent: (index: number) => unknown): Promise<[number, number]> {
  const events = Array.from({ length: WARM_UP_EVENTS + EVENTS }, (_, index) => createEvent(index));
  const { warm } = await measure(name, [createEvent(0), ...events]);
  const meanFrom = (first: number) => {
    const measured = warm.filter((_, index) => index >= WARM_UP_EVENTS && index % 2 === first);
    // The mean, not the median, because it includes garbage collection.
    return measured.reduce((sum, milliseconds) => sum + milliseconds, 0) / measured.length;
  };
  return [meanFrom(0), meanFrom(1)];
}

async function measure(name: string, events: unknown[]): Promise<Measured> {
  const child = fork(path.join(folder, 'measured-function.mjs'), {
    env: {
      ...emulators.environment,
      // On Lambda, a function writes its log lines directly.
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1',
      QUEUE_URL: emulators.queueUrl,
      CLAIMS_TABLE: emulators.claimsTable,
      FEISHU_ENCRYPT_KEY: ENCRYPT_KEY,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send({ bundlePath: path.join(folder, `${name}.mjs`), events } satisfies Job);
  const [measured] = await once(child, 'message');
  await once(child, 'exit');
  return measured as Measured;
}

function webhookEvent(): unknown {
  const text = createSample('im.message.receive_v1', { version: '2.0', token: '' });
  return JSON.parse(JSON.stringify(toHttpEvent(writeRequest(text, { encryptKey: ENCRYPT_KEY }, Date.now()))));
}

/** Creates a batch of events whose handler writes one log line and makes no calls. */
function workerEvent(size: number): SQSEvent {
  const attribute = (stringValue: string) => ({ stringValue, dataType: 'String' });
  const Records = Array.from({ length: size }, () => ({
    messageId: randomUUID(),
    receiptHandle: randomUUID(),
    body: createSample('out_approval', { version: '1.0', token: '' }),
    attributes: { ApproximateReceiveCount: '1' },
    messageAttributes: { source: attribute('webhook'), receivedAt: attribute(new Date().toISOString()) },
  }));
  return { Records } as unknown as SQSEvent;
}
