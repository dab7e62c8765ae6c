import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type HttpServer, startHttpServer } from '../../../lib/local/http-server.ts';
import { type HttpResponse, jsonResponse } from '../../../lib/webhook/http.ts';

export interface RuntimeOptions {
  /** The path of AWS's runtime client. */
  clientPath: string;
  /** The folder of the unzipped artifact: `/var/task` on Lambda. */
  taskRoot: string;
  functionName: string;
  handler: string;
  memoryMegabytes: number;
  timeoutSeconds: number;
  /** The function's environment in the template. */
  environment: Record<string, string>;
}

/** One execution environment of a Lambda function. */
export interface Runtime {
  /** Resolves at the end of the init phase, when the function first asks for an invocation. Rejects if it exits before. */
  readonly initialized: Promise<void>;
  /** @throws {Error} if the function throws, exits or times out */
  invoke(event: unknown): Promise<unknown>;
  /** The process id of the runtime client. */
  readonly pid: number;
  /** The lines of its output so far. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

interface Invocation {
  id: string;
  event: unknown;
  deadline: number;
  result: PromiseWithResolvers<unknown>;
}

const PREFIX = '/2018-06-01/runtime';
const ACCEPTED: HttpResponse = { ...jsonResponse(202, { status: 'OK' }) };

/**
 * Starts an artifact under AWS's runtime client, and serves the runtime API as Lambda does, one invocation at a time.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const waiting: Invocation[] = [];
  const inFlight = new Map<string, Invocation>();
  let wakeUp: (() => void) | undefined;
  const lines: string[] = [];
  const initialized = Promise.withResolvers<void>();
  // Only some callers wait for it.
  initialized.promise.catch(() => {});

  const next = async (): Promise<HttpResponse> => {
    initialized.resolve();
    while (waiting.length === 0) await new Promise<void>((resolve) => (wakeUp = resolve));
    const invocation = waiting.shift() as Invocation;
    inFlight.set(invocation.id, invocation);
    const headers = {
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': `${invocation.deadline}`,
      'lambda-runtime-invoked-function-arn': `arn:aws:lambda:us-east-1:000000000000:function:${options.functionName}`,
    };
    return { ...jsonResponse(200, {}, headers), body: JSON.stringify(invocation.event) };
  };

  const handleRequest = async ({ method, url = '' }: { method?: string; url?: string }, body: Buffer) => {
    if (method === 'GET' && url === `${PREFIX}/invocation/next`) return next();
    if (method === 'POST' && url === `${PREFIX}/init/error`) {
      lines.push(`init error: ${body}`);
      return ACCEPTED;
    }
    const [, id = '', kind] = /\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    const invocation = inFlight.get(id);
    if (method !== 'POST' || invocation === undefined) return jsonResponse(404, { errorMessage: `no ${url}` });
    inFlight.delete(id);
    if (kind === 'response') invocation.result.resolve(JSON.parse(body.toString() || 'null'));
    else invocation.result.reject(new Error(`${options.functionName}: ${body}`));
    return ACCEPTED;
  };

  const api = await startHttpServer('127.0.0.1', 0, handleRequest as never);
  const client = startClient(options, api);
  for (const input of [client.stdout, client.stderr]) {
    if (input !== null) createInterface({ input }).on('line', (line) => lines.push(line));
  }
  const exited = once(client, 'exit');
  const exitError = () => new Error(`${options.functionName} exited:\n${lines.join('\n')}`);
  exited.then(() => {
    initialized.reject(exitError());
    for (const { result } of [...waiting, ...inFlight.values()]) {
      result.reject(exitError());
    }
  });

  return {
    initialized: initialized.promise,
    pid: client.pid as number,
    lines,
    async invoke(event) {
      if (client.exitCode !== null) throw exitError();
      const result = Promise.withResolvers<unknown>();
      const timer = setTimeout(
        () => result.reject(new Error(`${options.functionName} timed out:\n${lines.join('\n')}`)),
        options.timeoutSeconds * 1000,
      );
      waiting.push({ id: randomUUID(), event, deadline: Date.now() + options.timeoutSeconds * 1000, result });
      wakeUp?.();
      try {
        return await result.promise;
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      client.kill('SIGKILL');
      await exited;
      // Complete the client's pending request for the next invocation, so that the server can stop.
      waiting.push({ id: 'none', event: {}, deadline: 0, result: Promise.withResolvers() });
      wakeUp?.();
      await api.stop();
    },
  };
}

/** Starts the client with only the variables that Lambda and the template set. */
function startClient(options: RuntimeOptions, api: HttpServer): ChildProcess {
  return spawn(process.execPath, [...heapLimits(options.memoryMegabytes), options.clientPath, options.handler], {
    cwd: options.taskRoot,
    env: {
      ...options.environment,
      AWS_LAMBDA_RUNTIME_API: new URL(api.origin).host,
      AWS_LAMBDA_FUNCTION_NAME: options.functionName,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${options.memoryMegabytes}`,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.functionName}`,
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      LAMBDA_TASK_ROOT: options.taskRoot,
      _HANDLER: options.handler,
      TZ: ':UTC',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Sets V8's heap limits like Lambda's Node.js runtimes: a tenth of the memory for the young generation, in two halves. */
function heapLimits(memoryMegabytes: number): string[] {
  const young = Math.floor(memoryMegabytes / 10);
  return [`--max-semi-space-size=${Math.floor(young / 2)}`, `--max-old-space-size=${memoryMegabytes - young}`];
}
