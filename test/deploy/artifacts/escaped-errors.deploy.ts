import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseEnvelope } from '../../../lib/feishu/envelope.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { createQueue } from '../../../lib/intake/event-queue.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { emulatedAws } from '../../support/emulated-aws.ts';
import { toHttpEvent } from '../../support/http-events.ts';
import { createProject, type Project } from '../support/project.ts';
import { type PackagedFunction, packageFunctions, resolveEnvironment } from './package.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { installRuntimeClient } from './runtime-client.ts';

// AWS's runtime client ends the process at an error that nothing handles. Handlers that let one escape must not get that
// far.

const SECRETS = { FEISHU_ENCRYPT_KEY: 'key of the app', FEISHU_VERIFICATION_TOKEN: 'token of the app' };
const token = SECRETS.FEISHU_VERIFICATION_TOKEN;
const TYPE = 'im.chat.disbanded_v1';
const PATIENCE_MILLISECONDS = 30_000;

/** As the listeners of runtime clients up to version 3. */
const LISTENERS =
  "--import=data:text/javascript,for(const/**/name/**/of['unhandledRejection','uncaughtException'])process.on(name,()=>process.exit(128))";

const aws = emulatedAws();
let project: Project;
let outdir: string;
let clientPath: string;
let packaged: Record<'webhook' | 'worker', PackagedFunction>;

beforeAll(async () => {
  clientPath = await installRuntimeClient();
  outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-package-'));
  project = await createProject();
  const write = (name: string, source: string) =>
    writeFile(path.join(project.folder, 'functions/handlers', name), source);
  await write(
    `v2/${TYPE}.ts`,
    `import { onEvent } from '../../../lib/handler.ts';
     const audit = async () => { throw new Error('The audit log is down'); };
     export default onEvent('${TYPE}', async (event) => {
       if (event.chat_id === 'innocent') return;
       void audit();
       if (event.chat_id === 'handled') return;
       setTimeout(() => { throw new Error('thrown by a timer'); });
       await new Promise(() => {});
     });`,
  );
  await write(
    'callbacks/card.action.trigger.ts',
    `import { onCallback } from '../../../lib/handler.ts';
     const audit = async () => { throw new Error('The audit log is down'); };
     export default onCallback('card.action.trigger', () => {
       void audit();
       return { toast: { type: 'info', content: 'Noted' } };
     });`,
  );
  packaged = await packageFunctions(outdir, SECRETS, project.folder);
});
afterAll(async () => {
  await project.remove();
  await rm(outdir, { recursive: true, force: true });
});

async function start(definition: PackagedFunction, environment: Record<string, string>): Promise<Runtime> {
  const resources = { EventsQueue: aws.emulators.queueUrl, ClaimsTable: aws.emulators.claimsTable };
  const runtime = await startRuntime({
    ...definition,
    clientPath,
    functionName: `feishu-events-dev-${definition.name}`,
    environment: {
      ...resolveEnvironment(definition.environment, resources, SECRETS),
      ...aws.emulators.environment,
      ...environment,
    },
  });
  onTestFinished(() => runtime.stop());
  return runtime;
}

async function errorLogged({ lines }: Runtime, message: string): Promise<void> {
  const started = Date.now();
  while (!lines.some((line) => line.includes('"ERROR"') && line.includes(message))) {
    if (Date.now() - started > PATIENCE_MILLISECONDS) throw new Error(`Nothing was logged:\n${lines.join('\n')}`);
    await sleep(20);
  }
}

const RUNTIMES: [string, Record<string, string>][] = [
  ["AWS's runtime client", {}],
  ['one that listens for errors itself', { NODE_OPTIONS: LISTENERS }],
];

test.each(RUNTIMES)(
  'the worker fails only the event whose handler let an error escape: under %s',
  async (_, environment) => {
    const worker = await start(packaged.worker, environment);
    const queue = createQueue(aws.emulators.queueUrl);
    const payload = JSON.parse(createSample(TYPE, { version: '2.0', token: '' })).event;
    for (const chat_id of [...Array<string>(8).fill('innocent'), 'handled', 'failed']) {
      const text = createSample(TYPE, { version: '2.0', token: '', event: { ...payload, chat_id } });
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await queue.send(parseEnvelope(text) as never, event, AbortSignal.timeout(PATIENCE_MILLISECONDS));
    }
    const records = await aws.drain();
    const failed = records.find(({ body }) => JSON.parse(body).event.chat_id === 'failed');
    expect(records).toHaveLength(10);
    expect(await worker.invoke({ Records: records })).toEqual({
      batchItemFailures: [{ itemIdentifier: failed?.messageId }],
    });
    // The same environment takes the next batch.
    const next = records.filter((record) => record !== failed);
    expect(await worker.invoke({ Records: next })).toEqual({ batchItemFailures: [] });
    await errorLogged(worker, 'thrown by a timer');
  },
);

test.each(RUNTIMES)('the webhook answers a callback that left a rejected promise: under %s', async (_, environment) => {
  const webhook = await start(packaged.webhook, environment);
  for (const click of [1, 2]) {
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const request = writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now());
    const response = (await webhook.invoke(toHttpEvent(request))) as { statusCode: number; body: string };
    expect({ click, ...response }).toMatchObject({ click, statusCode: 200 });
    expect(JSON.parse(response.body)).toMatchObject({ toast: { content: 'Noted' } });
  }
  await errorLogged(webhook, 'The audit log is down');
  await aws.drain();
});
