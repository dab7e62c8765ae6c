import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { functionBundle, usesPlatformSdk } from '../../build/bundle.ts';
import { linkPackages } from '../../build/installed-packages.ts';
import { debuggingOptions, isDebugging, timeoutUnlessDebugging } from '../debugging.ts';
import { writePlatformSdk } from '../functions/platform-sdk.ts';
import { readLines } from '../functions/read-lines.ts';
import type { UserFunction } from './user-functions.ts';

export interface InvocationOptions {
  /** The project's folder. */
  root: string;
  userFunction: UserFunction;
  event: unknown;
  /** All variables that the function sees. */
  environment: Record<string, string>;
  /** Called with each line that the function writes. */
  onLine: (line: string) => void;
  /** Ends the function. */
  signal?: AbortSignal;
}

/** How an invocation ended. `result` is JSON; `error` contains the stack. */
export type InvocationOutcome = { result: string } | { error: string };

/** The fields of the context that the function's process receives. */
export type InvocationContext = ReturnType<typeof createContext>;

/** A message to the function's process. */
export type InvocationRequest =
  | { kind: 'load'; moduleUrl: string; exportName: string; source: string }
  /** @property endsAt in milliseconds since the epoch */
  | { kind: 'invoke'; event: unknown; context: InvocationContext; endsAt: number };

/** A message from the function's process. */
export type InvocationMessage = 'loaded' | InvocationOutcome;

/** Lambda limits loading to 10 s. A developer's machine may be busy. */
const LOADING_TIMEOUT_SECONDS = 60;

/**
 * Bundles a function as a deployment does, and runs it once in a separate process.
 *
 * @returns the outcome, and how long the function ran
 * @throws {Error} if the function cannot be run locally or built; the message says why
 */
export async function invokeFunction(
  options: InvocationOptions,
): Promise<InvocationOutcome & { milliseconds: number }> {
  const { root, userFunction } = options;
  const { module } = userFunction;
  if ('problem' in module) throw new Error(module.problem);
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-function-'));
  try {
    const file = module.source.endsWith('.ts')
      ? await bundle(root, outdir, module.source)
      : path.join(root, module.source);
    return await run(options, { kind: 'load', moduleUrl: pathToFileURL(file).href, ...module });
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

async function bundle(root: string, outdir: string, source: string): Promise<string> {
  const minify = !isDebugging();
  const { metafile } = await build({ ...functionBundle(root, outdir, 'function', source), minify });
  await linkPackages(root, outdir, metafile);
  if (usesPlatformSdk(metafile)) await writePlatformSdk(root, outdir);
  return path.join(outdir, 'function.mjs');
}

async function run(
  options: InvocationOptions,
  request: InvocationRequest,
): Promise<InvocationOutcome & { milliseconds: number }> {
  const { root, userFunction, event, environment, onLine, signal } = options;
  const { name } = userFunction;
  const debugging = debuggingOptions();
  const program = fileURLToPath(new URL('invocation-program.ts', import.meta.url));
  const child = spawn(process.execPath, [...debugging.execArgv, '--enable-source-maps', program], {
    cwd: root,
    env: { ...environment, ...debugging.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) readLines(stream, onLine);

  let outcome: InvocationOutcome | undefined;
  let start = performance.now();
  const fail = (error: string) => {
    outcome ??= { error };
    child.kill('SIGKILL');
  };
  const stop = () => fail(`The function ${name} was stopped`);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const timeoutSeconds = timeoutUnlessDebugging(userFunction.timeoutSeconds);
  let timer = startTimer(timeoutUnlessDebugging(LOADING_TIMEOUT_SECONDS), (seconds) =>
    fail(`The function ${name} did not load within ${seconds} seconds`),
  );
  child.on('message', (message: InvocationMessage) => {
    clearTimeout(timer);
    if (message !== 'loaded') {
      outcome ??= message;
      return;
    }
    timer = startTimer(timeoutSeconds, (seconds) => fail(`The function ${name} timed out after ${seconds} seconds`));
    start = performance.now();
    send(child, { kind: 'invoke', event, context: createContext(userFunction), endsAt: endOf(timeoutSeconds) });
  });
  send(child, request);
  // All output has been read.
  const [code, killedBy] = await once(child, 'close');
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  const reason = killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`;
  outcome ??= { error: `The function ${name} ${reason} before it returned a result` };
  return { ...outcome, milliseconds: Math.round(performance.now() - start) };
}

function startTimer(seconds: number, onTimeout: (seconds: number) => void): NodeJS.Timeout {
  return setTimeout(() => onTimeout(seconds), seconds * 1000);
}

function endOf(timeoutSeconds: number): number {
  return Date.now() + timeoutSeconds * 1000;
}

function send(child: ChildProcess, message: InvocationRequest): void {
  // A process that has ended cannot receive it; its exit is the outcome.
  child.send(message, () => {});
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
function createContext({ name, memoryMegabytes }: UserFunction) {
  return {
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    memoryLimitInMB: `${memoryMegabytes}`,
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: true,
  };
}
