import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'aws-lambda';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { writtenLines } from '../support/written-output.ts';

const wait = { timeout: 30_000, interval: 20 };
const INVOCATION_MILLISECONDS = 60_000;

/** What the test modules wait for and count, by event type. */
interface Loading {
  gates: Record<string, PromiseWithResolvers<void>>;
  loads: Record<string, number>;
}
const loading: Loading = { gates: {}, loads: {} };

/** Returns the code of a handler module for an event type. */
function handlerModule(type: string, whileLoading = ''): string {
  return `import { onEvent } from '#feishu-events';
    const { gates, loads } = globalThis.loading;
    loads['${type}'] = (loads['${type}'] ?? 0) + 1;
    ${whileLoading}
    export default onEvent('${type}', () => {});`;
}

/** Runs the deployed bundles in this process, whose clock the tests control. */
describe('A handler module', () => {
  const aws = emulatedAws();
  let project: TemporaryProject;
  let worker: (event: unknown, context: Context) => Promise<unknown>;
  let webhook: (event: unknown) => Promise<{ statusCode: number; body: string }>;

  beforeAll(async () => {
    Object.assign(globalThis, { loading });
    project = await createProject();
    await project.writeHandler(
      '../settings.ts',
      `const { loads } = globalThis.loading;
       loads.settings = (loads.settings ?? 0) + 1;
       export const settings = await Promise.resolve(loads.settings);
       if (loads.settings === 1) throw new Error('The settings cannot be read yet');`,
    );
    const modules = {
      'im.chat.disbanded_v1': '',
      'im.chat.updated_v1': 'await new Promise(() => {});',
      'im.chat.member.user.added_v1': "await gates['im.chat.member.user.added_v1'].promise;",
      'im.chat.member.user.deleted_v1':
        "if (loads['im.chat.member.user.deleted_v1'] === 1) throw new Error('Not yet');",
      'im.chat.member.bot.added_v1': "await import('../../settings.ts');",
    };
    for (const [type, whileLoading] of Object.entries(modules)) {
      await project.writeHandler(`v2/${type}.ts`, handlerModule(type, whileLoading));
    }
    await project.writeHandler(
      'callbacks/card.action.trigger.ts',
      `import { onCallback } from '#feishu-events';
       await new Promise(() => {});
       export default onCallback('card.action.trigger', () => ({}));`,
    );
    const outdir = path.join(project.root, 'bundles');
    await Promise.all([webhookBundle, workerBundle].map((bundle) => build(bundle(project.root, outdir))));
    Object.assign(process.env, aws.environment, {
      FEISHU_ENCRYPT_KEY: encryptKey,
      FEISHU_VERIFICATION_TOKEN: token,
    });
    const load = async (name: string) => (await import(pathToFileURL(path.join(outdir, `${name}.mjs`)).href)).handler;
    worker = await load('worker');
    webhook = await load('webhook');
  });
  afterAll(async () => {
    await project[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Returns events of these types as the queue delivers them. */
  async function batchOf(types: readonly string[]) {
    const queue = createQueue(aws.emulators.queueUrl);
    for (const type of types) {
      const text = createSample(type, { version: '2.0', token: '' });
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await queue.send(parseEnvelope(text) as never, event, new AbortController().signal);
    }
    const records = await aws.drain();
    const find = (type: string) => records.find(({ body }) => JSON.parse(body).header.event_type === type);
    return { event: { Records: records }, idOf: (type: string) => find(type)?.messageId };
  }

  const invoke = (event: unknown) =>
    worker(event, { getRemainingTimeInMillis: () => INVOCATION_MILLISECONDS } as Context);
  const handled = () => writtenLines().filter((line) => line.includes('"message":"handled"'));

  it('that hangs while it loads fails only its own event', async () => {
    const hanging = 'im.chat.updated_v1';
    // The second attempt fails too, because the module is still loading.
    for (const attempt of [1, 2]) {
      const batch = await batchOf([...Array<string>(9).fill('im.chat.disbanded_v1'), hanging]);
      const response = invoke(batch.event);
      await vi.waitFor(() => expect(handled()).toHaveLength(9 * attempt), wait);
      vi.advanceTimersByTime(INVOCATION_MILLISECONDS);
      expect(await response).toEqual({ batchItemFailures: [{ itemIdentifier: batch.idOf(hanging) }] });
    }
    expect(loading.loads[hanging]).toBe(1);
    expect(writtenLines().filter((line) => line.includes('TimeoutError'))).toHaveLength(2);
  });

  it('that loads slowly handles its event, and is loaded for the next batch', async () => {
    const slow = 'im.chat.member.user.added_v1';
    const gate = Promise.withResolvers<void>();
    loading.gates[slow] = gate;
    const response = invoke((await batchOf(['im.chat.disbanded_v1', slow])).event);
    await vi.waitFor(() => expect(handled()).toHaveLength(1), wait);
    gate.resolve();
    expect(await response).toEqual({ batchItemFailures: [] });
    expect(await invoke((await batchOf([slow])).event)).toEqual({ batchItemFailures: [] });
    expect(loading.loads[slow]).toBe(1);
  });

  it.each([
    ['that throws once', 'im.chat.member.user.deleted_v1'],
    ['that imports a module that rejects once', 'im.chat.member.bot.added_v1'],
  ])('%s is evaluated again for the next event, and then reused', async (_, type) => {
    const batch = await batchOf([type]);
    expect(await invoke(batch.event)).toEqual({ batchItemFailures: [{ itemIdentifier: batch.idOf(type) }] });
    expect(await invoke((await batchOf([type])).event)).toEqual({ batchItemFailures: [] });
    expect(await invoke((await batchOf([type])).event)).toEqual({ batchItemFailures: [] });
    expect(loading.loads[type]).toBe(2);
  });

  it('of a callback that hangs while it loads shows the user an error, and the click is queued', async () => {
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const response = webhook(toHttpEvent(writeRequest(text, { encryptKey }, Date.now())));
    // Not vi.waitFor, which would advance the clock.
    while ((await aws.drain()).length === 0);
    vi.advanceTimersByTime(INVOCATION_MILLISECONDS);
    const { statusCode, body } = await response;
    expect(statusCode).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ toast: { type: 'error' } });
  });
});
