import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import inspector from 'node:inspector';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onCallback } from '../../lib/handler.ts';
import { createCallbackResponder } from '../../lib/intake/callbacks.ts';
import { createIntake } from '../../lib/intake/intake.ts';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from '../../lib/intake/time-limit.ts';
import { createLog } from '../../lib/observability/log.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { Debugger } from '../support/debugger.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { run, start } from '../support/run.ts';

const WAIT = { timeout: 60_000, interval: 50 };

/** Prints each timer of 2 s or more. */
const TIMER_SPY = `
const { setTimeout: set } = globalThis;
globalThis.setTimeout = Object.assign((callback, milliseconds, ...rest) => {
  if (milliseconds >= 2000) process.stdout.write('timer ' + milliseconds + '\\n');
  return set(callback, milliseconds, ...rest);
}, set);
`;

const HANDLER = 'v2/im.chat.updated_v1.ts';
const SOURCE = `import { onEvent } from '#feishu-events';

export default onEvent('im.chat.updated_v1', (event, { log }) => {
  const nameOfChat = event.chat_id;
  log.info('The chat was updated', { nameOfChat });
});
`;
const BREAKPOINT_LINE = SOURCE.split('\n').findIndex((line) => line.includes('log.info'));

/** Finds a source line in a bundle, as editors do to set a breakpoint. */
function findGeneratedLine(bundle: string, source: string, line: number) {
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, 'utf8')));
  const lines = readFileSync(bundle, 'utf8').split('\n');
  for (const [lineNumber, text] of lines.entries()) {
    const columnNumber = text.search(/\S/);
    if (columnNumber < 0) continue;
    const entry = map.findEntry(lineNumber, columnNumber);
    if (!('originalSource' in entry) || entry.originalLine !== line) continue;
    if (path.resolve(path.dirname(bundle), entry.originalSource) === source) return { lineNumber, columnNumber };
  }
  throw new Error(`${source}:${line + 1} is not in the bundle`);
}

describe('npm run debug', () => {
  it('pauses at a breakpoint in a handler, with its variable names and without timeouts', async () => {
    await using project = await createProject();
    await project.writeHandler(HANDLER, SOURCE);
    const spy = path.join(project.root, 'spy.cjs');
    await writeFile(spy, TIMER_SPY);
    await using stack = start(project.root, 'lib/local/start.ts', [], {
      PORT: '0',
      NODE_OPTIONS: `--inspect=127.0.0.1:0 --require ${spy}`,
    });
    await vi.waitFor(() => expect(stack.output()).toContain('is ready'), WAIT);
    const [debuggerUrl = ''] = /(?<=Debugger listening on )ws:\S+/.exec(stack.output()) ?? [];
    const [port] = /(?<=127\.0\.0\.1:)\d+(?=\/feishu)/.exec(stack.output()) ?? [];
    using editor = await Debugger.attach(debuggerUrl);

    const worker = await vi.waitFor(() => {
      const scripts = editor.events.filter(({ method }) => method === 'Debugger.scriptParsed');
      const script = scripts.find(({ params }) => String(params.url).endsWith('/worker.mjs'));
      if (script === undefined) throw new Error('The worker has not been loaded yet');
      return script;
    }, WAIT);
    expect(worker.params.sourceMapURL).toBe('worker.mjs.map');
    const location = findGeneratedLine(
      fileURLToPath(String(worker.params.url)),
      path.join(project.root, 'functions/handlers', HANDLER),
      BREAKPOINT_LINE,
    );
    const breakpoint = await editor.callThread(worker.sessionId, 'Debugger.setBreakpointByUrl', {
      url: worker.params.url,
      ...location,
    });
    expect(breakpoint).toMatchObject({ result: { locations: [{ lineNumber: location.lineNumber }] } });

    const sent = await run(project.root, 'lib/tools/send.ts', ['im.chat.updated_v1'], { PORT: port });
    expect(sent).toMatchObject({ code: 0 });
    const paused = await vi.waitFor(() => {
      const event = editor.events.find(({ method }) => method === 'Debugger.paused');
      if (event === undefined) throw new Error('The handler has not been paused yet');
      return event;
    }, WAIT);
    const [frame] = paused.params.callFrames as { callFrameId: string }[];
    const evaluated = await editor.callThread(paused.sessionId, 'Debugger.evaluateOnCallFrame', {
      callFrameId: frame?.callFrameId,
      expression: 'nameOfChat',
    });
    expect(evaluated).toMatchObject({ result: { result: { type: 'string', value: expect.stringMatching(/^oc_/) } } });

    // The timeouts of both functions are 12 hours, and the handler's is a little shorter.
    const timers = [...stack.output().matchAll(/^timer (\d+)/gm)].map(([, milliseconds]) => Number(milliseconds));
    expect(timers.filter((milliseconds) => milliseconds === 43_200_000)).toHaveLength(2);
    expect(timers.filter((milliseconds) => milliseconds > 50_000 && milliseconds < 43_000_000)).toEqual([]);

    await editor.callThread(paused.sessionId, 'Debugger.resume');
    await vi.waitFor(() => expect(stack.output()).toContain('The chat was updated'), WAIT);
  });
});

describe('The queue under a debugger', () => {
  it('does not redeliver an event that a breakpoint holds', async () => {
    inspector.open(0);
    try {
      const stack = await startLocalStack();
      const { sqs, queueUrl: QueueUrl } = stack.queue;
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['VisibilityTimeout'] }),
      );
      await stack.stop();
      expect(Attributes).toEqual({ VisibilityTimeout: '43200' });
    } finally {
      inspector.close();
    }
  });
});

describe('A callback', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
  });

  async function respondAfter(milliseconds: number) {
    vi.useFakeTimers();
    const { promise: paused, resolve: resume } = Promise.withResolvers<void>();
    const handler = onCallback('card.action.trigger', async () => {
      await paused;
      return { toast: { type: 'success', content: 'Done' } };
    });
    const intake = createIntake({
      queue: { send: async () => 'message' },
      respondToCallback: createCallbackResponder(async () => ({ default: handler })),
      createLog: (fields) => createLog('ERROR', fields),
    });
    const text = createSample('card.action.trigger', { version: '2.0', token: 'token' });
    const response = intake({
      envelope: parseEnvelope(text) as EventEnvelope,
      text,
      source: 'webhook',
      receivedAt: Date.now(),
      requestId: undefined,
    });
    await vi.advanceTimersByTimeAsync(milliseconds);
    resume();
    return await response;
  }

  it('fails if it is late', async () => {
    expect(await respondAfter(RESPONSE_TIME_LIMIT_MILLISECONDS + 1)).toMatchObject({ toast: { type: 'error' } });
  });

  it('has no deadline under a debugger', async () => {
    vi.stubEnv('NO_DEADLINES', 'true');
    expect(await respondAfter(3_600_000)).toMatchObject({ toast: { type: 'success' } });
  });
});
