import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { usesPlatformSdk, webhookBundle, workerBundle } from '../lib/build/bundle.ts';
import { type EventEnvelope, parseEnvelope } from '../lib/feishu/envelope.ts';
import { callbackFromDispatcher, type EventContext, fromDispatcher, onEvent } from '../lib/handler.ts';
import { createCallbackResponder } from '../lib/intake/callbacks.ts';
import { createSample, SAMPLE_TYPES } from '../lib/samples/samples.ts';
import { findEventHandler, runHandler } from '../lib/worker/dispatch.ts';
import { createUnhandledExplanation } from '../lib/worker/unhandled-events.ts';
import { readDocument } from './documents/document.ts';
import { modulesOf } from './support/handler-modules.ts';
import { officialDispatcher, plainRequest, postToOfficial } from './support/official-sdk.ts';
import { createProject } from './support/project.ts';
import { run } from './support/run.ts';

const EVENTS = SAMPLE_TYPES.filter(({ isCallback }) => !isCallback);
const CALLBACKS = ['card.action.trigger', 'url.preview.get', 'profile.view.get'] as const;

const warnings: unknown[][] = [];
const log = { debug() {}, info() {}, error() {}, warn: (...line: unknown[]) => warnings.push(line) };
const context = {
  log,
  signal: new AbortController().signal,
  source: 'webhook',
} as unknown as Omit<EventContext, 'streams'>;

const quietDispatcher = (handles: Record<string, unknown>) =>
  new EventDispatcher({ loggerLevel: LoggerLevel.fatal }).register(handles as never);

const sampleOf = (type: string, version: '1.0' | '2.0' = '2.0') => createSample(type, { version, token: 't' });

const findHandler = (text: string, dispatcher: EventDispatcher, modules = {}) =>
  findEventHandler(
    { v2: modulesOf(modules), v1: modulesOf({}), fallback: modulesOf({ fallback: fromDispatcher(dispatcher) }) },
    parseEnvelope(text) as EventEnvelope,
    context,
  );

async function runFallback(text: string, dispatcher: EventDispatcher) {
  const handler = await findHandler(text, dispatcher);
  if (handler === undefined) throw new Error('There is no handler');
  return runHandler(handler, { envelope: parseEnvelope(text) as EventEnvelope, text }, context);
}

const respond = (text: string, dispatcher: EventDispatcher) => {
  const modules = modulesOf(
    Object.fromEntries(CALLBACKS.map((type) => [type, callbackFromDispatcher(type, dispatcher)])),
  );
  const envelope = parseEnvelope(text) as EventEnvelope;
  return createCallbackResponder(modules)({ envelope, text }, context);
};

describe('A dispatcher of the official SDK as the fallback', () => {
  it.each(EVENTS)('passes the same object to its function as behind the SDK’s HTTP adapter: $type', async (sample) => {
    const text = sampleOf(sample.type, sample.version);
    const { dispatcher, received } = officialDispatcher(sample.type, {});
    await postToOfficial(dispatcher, plainRequest(text));
    await runFallback(text, dispatcher);
    expect(received).toHaveLength(2);
    expect(received[1]).toStrictEqual(received[0]);
  });

  it('does not check the signature and the token again', async () => {
    const { dispatcher, received } = officialDispatcher('im.message.receive_v1', {
      encryptKey: 'key',
      verificationToken: 'another token',
    });
    await runFallback(sampleOf('im.message.receive_v1'), dispatcher);
    expect(received).toHaveLength(1);
  });

  it('fails the event if its function throws', async () => {
    const failure = new Error('The database is down');
    const dispatcher = quietDispatcher({
      'im.message.receive_v1': () => {
        throw failure;
      },
    });
    await expect(runFallback(sampleOf('im.message.receive_v1'), dispatcher)).rejects.toBe(failure);
  });

  it('does not receive events that have a module', async () => {
    const type = 'im.message.receive_v1';
    const module = onEvent(type, () => {});
    const { dispatcher } = officialDispatcher(type, {});
    expect(await findHandler(sampleOf(type), dispatcher, { [type]: module })).toBe(module);
  });

  it('leaves events for which it has no function without a handler', async () => {
    const { dispatcher } = officialDispatcher('im.message.receive_v1', {});
    expect(await findHandler(sampleOf('im.chat.updated_v1'), dispatcher)).toBeUndefined();
  });

  it('does not run the function of a callback a second time, from the queue', async () => {
    const { dispatcher } = officialDispatcher('card.action.trigger', {});
    expect(await findHandler(sampleOf('card.action.trigger'), dispatcher)).toBeUndefined();
  });
});

describe('A callback without a module', () => {
  it('is reported once, with the module to add', () => {
    const envelope = parseEnvelope(sampleOf('card.action.trigger')) as EventEnvelope;
    const explainWith = (modules: string[]) => {
      warnings.length = 0;
      const explain = createUnhandledExplanation(modules);
      for (const _ of [1, 2]) explain(envelope, log);
      return warnings;
    };
    expect(explainWith(['callbacks/card.action.trigger'])).toEqual([]);
    expect(explainWith([])).toEqual([
      [
        'The callback got an empty response, because it has no handler',
        { file: 'functions/handlers/callbacks/card.action.trigger.ts' },
      ],
    ]);
  });
});

describe('A dispatcher of the official SDK in a callback module', () => {
  it.each(CALLBACKS)('gives the response that the SDK’s HTTP adapter gives: %s', async (type) => {
    const received: unknown[] = [];
    const dispatcher = quietDispatcher({
      [type]: async (payload: unknown) => {
        received.push(payload);
        return { toast: { type: 'success', content: '已保存 ✅' } };
      },
    });
    const text = sampleOf(type);
    const official = await postToOfficial(dispatcher, plainRequest(text));
    expect(await respond(text, dispatcher)).toEqual(JSON.parse(official.body ?? ''));
    expect(received[1]).toStrictEqual(received[0]);
  });

  it('shows an error if it has no function for the callback', async () => {
    const response = await respond(sampleOf('card.action.trigger'), quietDispatcher({}));
    expect(response).toMatchObject({ toast: { type: 'error' } });
  });
});

it('The dispatcher in docs/migrating.md adds the official SDK to the webhook only if a callback module uses it', async () => {
  const project = await createProject();
  onTestFinished(() => project[Symbol.asyncDispose]());
  const writeExample = async (file: string) => {
    const { codeBlocks } = readDocument('docs/migrating.md');
    const example = codeBlocks.find(({ text }) => text.startsWith(`// ${file}\n`));
    await writeFile(path.join(project.root, file), example?.text ?? '');
  };
  const bundle = async (options: typeof webhookBundle | typeof workerBundle) => {
    const { metafile, warnings } = await build({
      ...options(project.root, path.join(project.root, 'bundles')),
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    return usesPlatformSdk(metafile);
  };
  await writeExample('functions/dispatcher.ts');
  await writeExample('functions/handlers/fallback.ts');
  expect(await bundle(workerBundle)).toBe(true);
  expect(await bundle(webhookBundle)).toBe(false);
  await writeExample('functions/handlers/callbacks/card.action.trigger.ts');
  expect(await bundle(webhookBundle)).toBe(true);

  // Like the webhook, this program has no App Secret.
  await writeFile(
    path.join(project.root, 'program.ts'),
    `import { deepStrictEqual } from 'node:assert';
     import callback from './functions/handlers/callbacks/card.action.trigger.ts';
     const context = { rawJson: () => ${JSON.stringify(sampleOf('card.action.trigger'))} };
     const response = await callback.handle({}, context);
     deepStrictEqual(response, { toast: { type: 'success', content: 'Saved' } });`,
  );
  expect(await run(project.root, 'program.ts')).toEqual({ code: 0, output: '' });
});
