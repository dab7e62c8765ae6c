import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type HttpServer, startHttpServer } from '../../../lib/local/http-server.ts';
import { type HttpResponse, jsonResponse } from '../../../lib/webhook/http.ts';

export interface RuntimeOptions {
  /** Of AWS's runtime client. */
  clientPath: string;
  /** Where the artifact is unzipped: `/var/task` on Lambda. */
  taskRoot: string;
  functionName: string;
  handler: string;
  memoryMegabytes: number;
  timeoutSeconds: number;
  /** As the template gives it to the function. */
  environment: Record<string, string>;
}

/** One execution environment of a Lambda function. */
export interface Runtime {
  /** @throws what the function threw, or that it ended or timed out */
  invoke(event: unknown): Promise<unknown>;
  /** Of the runtime client. */
  readonly pid: number;
  /** The lines it has written so far. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

interface Invocation {
  id: string;
  event: unknown;
  deadline: number;
  settle: PromiseWithResolvers<unknown>;
}

const PREFIX = '/2018-06-01/runtime';
const ACCEPTED: HttpResponse = { ...jsonResponse(202, { status: 'OK' }) };

/**
 * Starts an artifact under AWS's runtime client, with Lambda's side of the runtime API: one invocation at a time.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const waiting: Invocation[] = [];
  const underWay = new Map<string, Invocation>();
  let giveNext: (() => void) | undefined;
  const lines: string[] = [];

  const next = async (): Promise<HttpResponse> => {
    while (waiting.length === 0) await new Promise<void>((resolve) => (giveNext = resolve));
    const invocation = waiting.shift() as Invocation;
    underWay.set(invocation.id, invocation);
    const headers = {
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': `${invocation.deadline}`,
      'lambda-runtime-invoked-function-arn': `arn:aws:lambda:us-east-1:000000000000:function:${options.functionName}`,
    };
    return { ...jsonResponse(200, {}, headers), body: JSON.stringify(invocation.event) };
  };

  const answer = async ({ method, url = '' }: { method?: string; url?: string }, body: Buffer) => {
    if (method === 'GET' && url === `${PREFIX}/invocation/next`) return next();
    if (method === 'POST' && url === `${PREFIX}/init/error`) {
      lines.push(`init error: ${body}`);
      return ACCEPTED;
    }
    const [, id = '', kind] = /\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    const invocation = underWay.get(id);
    if (method !== 'POST' || invocation === undefined) return jsonResponse(404, { errorMessage: `no ${url}` });
    underWay.delete(id);
    if (kind === 'response') invocation.settle.resolve(JSON.parse(body.toString() || 'null'));
    else invocation.settle.reject(new Error(`${options.functionName}: ${body}`));
    return ACCEPTED;
  };

  const api = await startHttpServer('127.0.0.1', 0, answer as never);
  const client = startClient(options, api);
  for (const input of [client.stdout, client.stderr]) {
    if (input !== null) createInterface({ input }).on('line', (line) => lines.push(line));
  }
  const ended = once(client, 'exit');
  const died = () => new Error(`${options.functionName} ended:\n${lines.join('\n')}`);
  ended.then(() => {
    for (const { settle } of [...waiting, ...underWay.values()]) {
      settle.reject(died());
    }
  });

  return {
    pid: client.pid as number,
    lines,
    async invoke(event) {
      if (client.exitCode !== null) throw died();
      const settle = Promise.withResolvers<unknown>();
      const timer = setTimeout(
        () => settle.reject(new Error(`${options.functionName} timed out:\n${lines.join('\n')}`)),
        options.timeoutSeconds * 1000,
      );
      waiting.push({ id: randomUUID(), event, deadline: Date.now() + options.timeoutSeconds * 1000, settle });
      giveNext?.();
      try {
        return await settle.promise;
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      client.kill('SIGKILL');
      await ended;
      // The client's request for the next invocation ended with it, and the server need not wait for it.
      waiting.push({ id: 'none', event: {}, deadline: 0, settle: Promise.withResolvers() });
      giveNext?.();
      await api.stop();
    },
  };
}

/** With nothing of this process's environment: only what Lambda and the template give. */
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

/** What the start script of Lambda's Node.js runtimes tells V8: a tenth of the memory is for young objects, in two halves. */
function heapLimits(memoryMegabytes: number): string[] {
  const young = Math.floor(memoryMegabytes / 10);
  return [`--max-semi-space-size=${Math.floor(young / 2)}`, `--max-old-space-size=${memoryMegabytes - young}`];
}
