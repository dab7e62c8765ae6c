import { rm } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createLocalFunction, type LocalFunction } from '../../lib/local/functions/local-function.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { NO_DEADLINES } from '../../lib/util/deadline.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { recordOutput } from '../support/written-output.ts';

const wait = { timeout: 30_000, interval: 20 };
const TYPE = 'im.chat.disbanded_v1';

/**
 * Lets an error escape the handler, depending on the name in the event. An error that escapes `later` does so once
 * another event has the name `now`.
 */
const BEHAVIOR = `
  import { threadId } from 'node:worker_threads';

  const later = [];
  const failure = () => Object.assign(new Error('The audit log is down'), {
    config: { headers: { authorization: 'Bearer t-secret' } },
  });
  const reject = async () => { throw failure(); };
  const never = new Promise(() => {});

  export async function behave(name) {
    if (name === 'unawaited') { void reject(); await never; }
    if (name === 'timer') { setTimeout(() => { throw failure(); }); await never; }
    if (name === 'tick') { process.nextTick(() => { throw failure(); }); await never; }
    if (name === 'unawaited, then returns') void reject();
    if (name.startsWith('later')) {
      const timer = setInterval(() => {
        if (later.length === 0) return;
        clearInterval(timer);
        if (name === 'later, thrown') throw failure();
        void reject();
      });
    }
    if (name === 'now') later.push(name);
    return threadId;
  }
`;

interface LogLine {
  level: string;
  message: string;
  event_id?: string;
  event_type?: string;
  error?: string;
  stack?: string;
  thread?: number;
}

/** Runs the deployed bundles in threads, as `npm start` does. */
describe('An error that escapes a handler', () => {
  const aws = emulatedAws();
  let project: TemporaryProject;
  const bundles = () => path.join(project.root, 'bundles');
  beforeAll(async () => {
    project = await createProject();
    await project.writeHandler('../behavior.ts', BEHAVIOR);
    await project.writeHandler(
      `v2/${TYPE}.ts`,
      `import { onEvent } from '#feishu-events';
       import { behave } from '../../behavior.ts';
       export default onEvent('${TYPE}', async (event, { log }) => {
         log.info('runs', { thread: await behave(event.chat_id) });
       });`,
    );
    await project.writeHandler(
      'callbacks/card.action.trigger.ts',
      `import { onCallback } from '#feishu-events';
       import { behave } from '../../behavior.ts';
       export default onCallback('card.action.trigger', async ({ action }) => {
         return { toast: { type: 'info', content: String(await behave(action.name)) } };
       });`,
    );
    await Promise.all([webhookBundle, workerBundle].map((bundle) => build(bundle(project.root, bundles()))));
  });
  afterAll(() => rm(project.root, { recursive: true }));

  function startFunction(name: 'worker' | 'webhook') {
    const lines: LogLine[] = [];
    const otherLines: string[] = [];
    const localFunction = createLocalFunction({
      name,
      environment: () => ({
        ...aws.emulators.environment,
        ...aws.environment,
        // A busy machine would miss the deadline for callbacks.
        ...NO_DEADLINES,
        FEISHU_ENCRYPT_KEY: encryptKey,
        FEISHU_VERIFICATION_TOKEN: token,
      }),
      timeoutSeconds: 60,
      onLine(line) {
        recordOutput(`${line}\n`);
        if (line.startsWith('{')) lines.push(JSON.parse(line));
        else otherLines.push(line);
      },
      onPublish: () => {},
    });
    localFunction.load(path.join(bundles(), `${name}.mjs`));
    onTestFinished(() => localFunction.stop());
    const errors = () => lines.filter(({ level }) => level === 'ERROR');
    return { localFunction, lines, otherLines, errors };
  }

  /** Returns a batch with an event for each name, in this order. */
  async function batchOf(names: readonly string[]) {
    const queue = createQueue(aws.emulators.queueUrl);
    for (const name of names) {
      const text = createSample(TYPE, {
        version: '2.0',
        token: '',
        event: { ...JSON.parse(createSample(TYPE, { version: '2.0', token: '' })).event, chat_id: name },
      });
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await queue.send(parseEnvelope(text) as never, event, AbortSignal.timeout(30_000));
    }
    const records = await aws.drain();
    const nameOf = ({ body }: { body: string }): string => JSON.parse(body).event.chat_id;
    return {
      event: { Records: records },
      named: (name: string) => records.find((record) => nameOf(record) === name),
      eventId: (name: string) =>
        JSON.parse(records.find((record) => nameOf(record) === name)?.body ?? '').header.event_id,
    };
  }

  const innocent = Array.from({ length: 9 }, (_, index) => `innocent ${index}`);

  it.each(['unawaited', 'timer', 'tick'])('fails only its own event of the batch: %s', async (name) => {
    const { localFunction, lines, otherLines } = startFunction('worker');
    const batch = await batchOf([...innocent, name]);
    expect(await localFunction.invoke(batch.event)).toEqual({
      batchItemFailures: [{ itemIdentifier: batch.named(name)?.messageId }],
    });
    const handled = () => lines.filter(({ message }) => message === 'handled');
    // The lines may arrive after the result.
    await vi.waitFor(() => expect(handled()).toHaveLength(9), wait);
    expect(lines.find(({ level }) => level === 'WARN')).toMatchObject({
      event_id: batch.eventId(name),
      error: 'Error: The audit log is down',
    });
    // In the same thread, which corresponds to an execution environment on Lambda.
    const next = await batchOf(['innocent']);
    expect(await localFunction.invoke(next.event)).toEqual({ batchItemFailures: [] });
    expect(new Set(lines.flatMap(({ thread }) => thread ?? [])).size).toBe(1);
    expect(otherLines).toEqual([]);
  });

  it.each(['later, rejected', 'later, thrown', 'unawaited, then returns'])(
    'is logged with its event if the event has ended: %s',
    async (name) => {
      const { localFunction, lines, otherLines, errors } = startFunction('worker');
      const batch = await batchOf([...innocent, name]);
      expect(await localFunction.invoke(batch.event)).toEqual({ batchItemFailures: [] });
      const next = await batchOf(['now']);
      expect(await localFunction.invoke(next.event)).toEqual({ batchItemFailures: [] });
      await vi.waitFor(() => expect(errors()).toHaveLength(1), wait);
      expect(errors()[0]).toMatchObject({
        event_id: batch.eventId(name),
        event_type: TYPE,
        error: 'Error: The audit log is down',
        stack: expect.stringContaining('functions/behavior.ts'),
      });
      expect(await localFunction.invoke((await batchOf(['innocent'])).event)).toEqual({ batchItemFailures: [] });
      expect(new Set(lines.flatMap(({ thread }) => thread ?? [])).size).toBe(1);
      expect(otherLines).toEqual([]);
    },
  );

  async function click(webhook: LocalFunction, name: string) {
    const sample = JSON.parse(createSample('card.action.trigger', { version: '2.0', token }));
    sample.event.action.name = name;
    const request = writeRequest(JSON.stringify(sample), { encryptKey }, Date.now());
    const { statusCode, body } = (await webhook.invoke(toHttpEvent(request))) as { statusCode: number; body: string };
    return { statusCode, toast: JSON.parse(body).toast, eventId: sample.header.event_id };
  }

  it.each(['unawaited', 'timer'])(
    'shows the user an error while the callback runs, and the click is queued: %s',
    async (name) => {
      const { localFunction, errors } = startFunction('webhook');
      expect(await click(localFunction, name)).toMatchObject({ statusCode: 200, toast: { type: 'error' } });
      await vi.waitFor(() => expect(errors()).toMatchObject([{ error: 'Error: The audit log is down' }]), wait);
      expect(await aws.drain()).toHaveLength(1);
      expect(await click(localFunction, 'innocent')).toMatchObject({ statusCode: 200, toast: { type: 'info' } });
      await aws.drain();
    },
  );

  it.each(['unawaited, then returns', 'later, thrown'])(
    'does not change the response to a callback that has ended: %s',
    async (name) => {
      const { localFunction, errors, otherLines } = startFunction('webhook');
      const first = await click(localFunction, name);
      expect(first).toMatchObject({ statusCode: 200, toast: { type: 'info' } });
      const second = await click(localFunction, 'now');
      await vi.waitFor(() => expect(errors()).toHaveLength(1), wait);
      expect(errors()[0]).toMatchObject({ event_id: first.eventId, event_type: 'card.action.trigger' });
      expect((await click(localFunction, 'innocent')).toast).toEqual(second.toast);
      expect(otherLines).toEqual([]);
      await aws.drain();
    },
  );
});
