import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errorFields } from '../../observability/error-fields.ts';
import { readLines } from './read-lines.ts';

/** The `workerData` of the function's thread. */
export interface FunctionThreadData {
  bundleUrl: string;
  name: string;
  isBackground: boolean;
}

/** A message to the thread: one invocation. */
export interface FunctionRequest {
  id: number;
  event: unknown;
  /** When the invocation times out, in milliseconds since the epoch. */
  endsAt: number;
}

/** A message from the thread. `published`: the function published it on a diagnostics channel. */
export type FunctionMessage =
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'error'; id: number; error: string }
  | { kind: 'published'; channel: string; message: unknown };

export interface LocalFunctionOptions {
  name: string;
  /** Returns the variables of each new thread. */
  environment: () => Record<string, string>;
  timeoutSeconds: number;
  /** Runs the function with a low priority. Default: false. */
  isBackground?: boolean;
  /** Called with each line that the function writes. */
  onLine: (line: string) => void;
  /** Called with each message that the function publishes on a diagnostics channel. */
  onPublish: (channel: string, message: unknown) => void;
}

/** A Lambda function that runs in a separate thread with its bundle, environment and timeout. */
export interface LocalFunction {
  /** False until the first {@link load}. */
  readonly isLoaded: boolean;
  /** @throws if the function throws, exits or times out */
  invoke(event: unknown): Promise<unknown>;
  /** Loads another version. Invocations in flight finish on the previous one. */
  load(bundlePath: string): void;
  /** Gives the next invocation the current environment. Invocations in flight finish with the previous one. */
  reload(): void;
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
    get isLoaded() {
      return bundlePath !== undefined;
    },
    invoke(event) {
      if (bundlePath === undefined) throw new Error(`The function ${options.name} is not loaded yet`);
      // As on Lambda, the next invocation replaces an environment that has crashed.
      if (current === undefined || current.hasEnded) current = new FunctionThread(bundlePath, options);
      return current.invoke(event);
    },
    load(path) {
      bundlePath = path;
      retire(current);
      current = new FunctionThread(path, options);
    },
    reload() {
      retire(current);
      current = bundlePath === undefined ? undefined : new FunctionThread(bundlePath, options);
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
      env: options.environment(),
      execArgv: ['--enable-source-maps'],
      stdout: true,
      stderr: true,
    });
    for (const input of [this.#thread.stdout, this.#thread.stderr]) {
      readLines(input, options.onLine);
    }
    this.#thread.on('message', (message: FunctionMessage) => this.#receive(message));
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
        const message = `The function ${name} timed out after ${timeoutSeconds} seconds`;
        this.#options.onLine(toLogLine(message, {}));
        this.#takeInvocation(id)?.reject(new Error(message));
        void this.#thread.terminate();
      }, timeoutSeconds * 1000);
      this.#invocations.set(id, { resolve, reject, timer });
      this.#thread.postMessage({ id, event, endsAt: Date.now() + timeoutSeconds * 1000 } satisfies FunctionRequest);
    });
  }

  /** Ends the thread after its invocations in flight. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.hasEnded) return;
    const ended = once(this.#thread, 'exit');
    this.#terminateWhenIdle();
    await ended;
  }

  #receive(message: FunctionMessage): void {
    if (message.kind === 'published') {
      this.#options.onPublish(message.channel, message.message);
      return;
    }
    const invocation = this.#takeInvocation(message.id);
    if (message.kind === 'result') invocation?.resolve(message.result);
    else invocation?.reject(new Error(message.error));
    if (this.#isRetired) this.#terminateWhenIdle();
  }

  #takeInvocation(id: number): Invocation | undefined {
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
      this.#takeInvocation(id)?.reject(new Error(`The function ${this.#options.name} ended${this.#lastError}`));
    }
  }
}

/** Uses the format of the functions' log, so that a line break in the error cannot forge a log line. */
function toLogLine(message: string, fields: object): string {
  return JSON.stringify({ level: 'ERROR', message, timestamp: new Date().toISOString(), ...fields });
}
