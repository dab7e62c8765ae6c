import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errorFields } from '../../observability/error-fields.ts';
import { readLines } from './read-lines.ts';

/** What the thread starts with. */
export interface FunctionThreadData {
  bundleUrl: string;
  name: string;
  isBackground: boolean;
}

/** What the thread is sent. */
export interface FunctionRequest {
  id: number;
  event: unknown;
  /** When the invocation times out, in milliseconds since the epoch. */
  endsAt: number;
}

/** What the thread sends. */
export type FunctionReply =
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'error'; id: number; error: string }
  | { kind: 'observation'; channel: string; message: unknown };

export interface LocalFunctionOptions {
  name: string;
  environment: Record<string, string>;
  timeoutSeconds: number;
  /** Nobody waits for its answer: other threads go first when processors are short. */
  isBackground?: boolean;
  /** Takes each line that the function writes. */
  onLine: (line: string) => void;
  /** Takes what the function publishes on its diagnostics channels. */
  onObservation: (channel: string, message: unknown) => void;
}

/** A Lambda function in a thread of its own: its bundle, its environment, its timeout. */
export interface LocalFunction {
  /** @throws when the function throws, ends or times out */
  invoke(event: unknown): Promise<unknown>;
  /** Loads another version. Invocations under way end on the one before. */
  load(bundlePath: string): void;
  stop(): Promise<void>;
}

export function createLocalFunction(options: LocalFunctionOptions): LocalFunction {
  let bundlePath: string | undefined;
  let current: FunctionThread | undefined;
  const retiring = new Set<Promise<void>>();

  const retire = (thread: FunctionThread | undefined) => {
    if (thread === undefined) return;
    const retired = thread.retire().finally(() => retiring.delete(retired));
    retiring.add(retired);
  };

  return {
    invoke(event) {
      if (bundlePath === undefined) throw new Error(`The function ${options.name} is not loaded yet`);
      // As on Lambda, an environment that has died is replaced at the next invocation.
      if (current === undefined || current.hasEnded) current = new FunctionThread(bundlePath, options);
      return current.invoke(event);
    },
    load(path) {
      bundlePath = path;
      retire(current);
      current = new FunctionThread(path, options);
    },
    async stop() {
      retire(current);
      current = undefined;
      bundlePath = undefined;
      await Promise.all(retiring);
    },
  };
}

interface Invocation {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

class FunctionThread {
  hasEnded = false;
  readonly #thread: Worker;
  readonly #options: LocalFunctionOptions;
  readonly #invocations = new Map<number, Invocation>();
  #lastId = 0;
  #isRetired = false;
  #lastError = '';

  constructor(bundlePath: string, options: LocalFunctionOptions) {
    this.#options = options;
    this.#thread = new Worker(new URL('function-thread.ts', import.meta.url), {
      workerData: {
        bundleUrl: pathToFileURL(bundlePath).href,
        name: options.name,
        isBackground: options.isBackground ?? false,
      } satisfies FunctionThreadData,
      env: options.environment,
      execArgv: ['--enable-source-maps'],
      stdout: true,
      stderr: true,
    });
    for (const input of [this.#thread.stdout, this.#thread.stderr]) {
      readLines(input, options.onLine);
    }
    this.#thread.on('message', (message: FunctionReply) => this.#receive(message));
    this.#thread.on('error', (error) => {
      const fields = errorFields(error);
      this.#lastError = `: ${fields.stack ?? fields.error}`;
      options.onLine(toLogLine(`The function ${options.name} failed`, fields));
    });
    this.#thread.on('exit', () => this.#end());
  }

  invoke(event: unknown): Promise<unknown> {
    const { timeoutSeconds, name } = this.#options;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(new Error(`The function ${name} timed out after ${timeoutSeconds} seconds`));
        void this.#thread.terminate();
      }, timeoutSeconds * 1000);
      this.#invocations.set(id, { resolve, reject, timer });
      this.#thread.postMessage({ id, event, endsAt: Date.now() + timeoutSeconds * 1000 } satisfies FunctionRequest);
    });
  }

  /** Ends the thread once nothing runs in it. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.hasEnded) return;
    const ended = once(this.#thread, 'exit');
    this.#terminateWhenIdle();
    await ended;
  }

  #receive(message: FunctionReply): void {
    if (message.kind === 'observation') {
      this.#options.onObservation(message.channel, message.message);
      return;
    }
    const invocation = this.#settle(message.id);
    if (message.kind === 'result') invocation?.resolve(message.result);
    else invocation?.reject(new Error(message.error));
    if (this.#isRetired) this.#terminateWhenIdle();
  }

  #settle(id: number): Invocation | undefined {
    const invocation = this.#invocations.get(id);
    clearTimeout(invocation?.timer);
    this.#invocations.delete(id);
    return invocation;
  }

  #terminateWhenIdle(): void {
    if (this.#invocations.size === 0) void this.#thread.terminate();
  }

  #end(): void {
    this.hasEnded = true;
    for (const id of [...this.#invocations.keys()]) {
      this.#settle(id)?.reject(new Error(`The function ${this.#options.name} ended${this.#lastError}`));
    }
  }
}

/** As the functions' own log has it, so that a line break in the error starts no line of its own. */
function toLogLine(message: string, fields: object): string {
  return JSON.stringify({ level: 'ERROR', message, timestamp: new Date().toISOString(), ...fields });
}
