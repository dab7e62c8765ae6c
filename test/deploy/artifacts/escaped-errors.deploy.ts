import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseEnvelope } from '../../../lib/feishu/envelope.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { createQueue } from '../../../lib/intake/event-queue.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { emulatedAws } from '../../support/emulated-aws.ts';
import { toHttpEvent } from '../../support/http-events.ts';
import { wait } from '../../support/wait.ts';
import { createProject, type Project } from '../support/project.ts';
import { createPackagedFunctions, type PackagedFunctions, waitForLine } from './packaged-functions.ts';
import type { Runtime } from './runtime.ts';

// AWS's runtime client ends the process on an unhandled error. Errors that escape from handlers must not have that effect.

const SECRETS = { FEISHU_ENCRYPT_KEY: 'key of the app', FEISHU_VERIFICATION_TOKEN: 'token of the app' };
const token = SECRETS.FEISHU_VERIFICATION_TOKEN;
const TYPE = 'im.chat.disbanded_v1';

/** Adds the listeners of runtime clients up to version 3. */
const LISTENERS =
  "--import=data:text/javascript,for(const/**/name/**/of['unhandledRejection','uncaughtException'])process.on(name,()=>process.exit(128))";

const aws = emulatedAws();
let project: Project;
let functions: PackagedFunctions;

beforeAll(async () => {
  project = await createProject();
  const write = (name: string, source: string) =>
    writeFile(path.join(project.folder, 'functions/handlers', name), source);
  await write(
    `v2/${TYPE}.ts`,
    `import { onEvent } from '../../../lib/handler.ts';
     const audit = async () => { throw new Error('The audit log is down'); };
     export default onEvent('${TYPE}', async (event) => {
       if (event.chat_id === 'healthy') return;
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
  functions = await createPackagedFunctions(SECRETS, project.folder);
});
afterAll(async () => {
  await project.remove();
  await functions.remove();
});

async function start(name: 'webhook' | 'worker', environment: Record<string, string>): Promise<Runtime> {
  const runtime = await functions.start(name, aws.emulators, environment);
  onTestFinished(() => runtime.stop());
  return runtime;
}

const waitForError = (runtime: Runtime, message: string) =>
  waitForLine(runtime, (line) => line.includes('"ERROR"') && line.includes(message));

const RUNTIMES: [string, Record<string, string>][] = [
  ["AWS's runtime client", {}],
  ['a client that listens for errors itself', { NODE_OPTIONS: LISTENERS }],
];

test.each(RUNTIMES)(
  'the worker fails only the event whose handler lets an error escape, under %s',
  async (_, environment) => {
    const worker = await start('worker', environment);
    const queue = createQueue(aws.emulators.queueUrl);
    const payload = JSON.parse(createSample(TYPE, { version: '2.0', token: '' })).event;
    for (const chat_id of [...Array<string>(8).fill('healthy'), 'handled', 'failed']) {
      const text = createSample(TYPE, { version: '2.0', token: '', event: { ...payload, chat_id } });
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await queue.send(parseEnvelope(text) as never, event, AbortSignal.timeout(wait.timeout));
    }
    const records = await aws.drain();
    const withChat = (id: string) => records.find(({ body }) => JSON.parse(body).event.chat_id === id);
    const [handled, failed] = [withChat('handled'), withChat('failed')];
    expect(records).toHaveLength(10);
    // On a busy machine, the SDK may repeat the request for the lease. The worker then looks for streamed replies of an
    // earlier run after the handler has returned, so the event has not ended yet and its unawaited error fails it.
    const failuresOf = async (batch: SQSRecord[]) => {
      const { batchItemFailures } = (await worker.invoke({ Records: batch })) as SQSBatchResponse;
      return batchItemFailures.map((item) => item.itemIdentifier).filter((id) => id !== handled?.messageId);
    };
    expect(await failuresOf(records)).toEqual([failed?.messageId]);
    // The same execution environment processes the next batch.
    expect(await failuresOf(records.filter((record) => record !== failed))).toEqual([]);
    await waitForError(worker, 'thrown by a timer');
  },
);

test.each(RUNTIMES)(
  'the webhook responds to a callback that leaves a rejected promise, under %s',
  async (_, environment) => {
    const webhook = await start('webhook', environment);
    for (const click of [1, 2]) {
      const text = createSample('card.action.trigger', { version: '2.0', token });
      const request = writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now());
      const response = (await webhook.invoke(toHttpEvent(request))) as { statusCode: number; body: string };
      expect({ click, ...response }).toMatchObject({ click, statusCode: 200 });
      expect(JSON.parse(response.body)).toMatchObject({ toast: { content: 'Noted' } });
    }
    await waitForError(webhook, 'The audit log is down');
    await aws.drain();
  },
);
