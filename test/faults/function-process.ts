import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Sent to the process to invoke the function. */
export interface Invocation {
  id: number;
  event: unknown;
  /** The timeout. */
  milliseconds: number;
}

/** Sent by the process once it has loaded the function. */
export const READY = 'ready';

/** Sent by the process when an invocation has ended. */
export interface Reply {
  id: number;
  result?: unknown;
  error?: string;
}

export interface FunctionOptions {
  bundle: string;
  environment: Record<string, string>;
  timeoutMilliseconds: number;
  /** Clock offset of each process in order of start; repeats from the first. */
  clockShiftsMilliseconds: readonly number[];
  /** Maximum number of concurrent invocations of a process; 1 on Lambda. */
  concurrency: number;
  /** Receives what handlers send with `process.send`. */
  onMessage?: (message: unknown) => void;
}

/** A Lambda function whose execution environments are processes, so that they can be killed and frozen. */
export class FunctionProcesses {
  started = 0;
  /** Number of processes killed because an invocation timed out. */
  timedOut = 0;
  readonly #options: FunctionOptions;
  readonly #running = new Set<FunctionProcess>();

  constructor(options: FunctionOptions) {
    this.#options = options;
  }

  /** Number of invocations in flight. */
  get load(): number {
    return [...this.#running].reduce((sum, { load }) => sum + load, 0);
  }

  /** @throws if the function throws, times out or is killed */
  invoke(event: unknown): Promise<unknown> {
    return this.#findFree().invoke(event);
  }

  /**
   * Kills the processes whose invocation contains this text.
   *
   * @returns the number of killed processes
   */
  kill(text: string): number {
    const working = [...this.#running].filter((running) => running.worksOn(text));
    for (const running of working) running.signal('SIGKILL');
    return working.length;
  }

  /** @param signal SIGSTOP freezes all processes, as Lambda does between invocations; SIGCONT resumes them */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const running of this.#running) running.signal(signal);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop()));
  }

  #findFree(): FunctionProcess {
    const free = [...this.#running].find(({ isUsable, load }) => isUsable && load < this.#options.concurrency);
    if (free !== undefined) return free;
    const shifts = this.#options.clockShiftsMilliseconds;
    const shift = shifts[this.started++ % shifts.length] ?? 0;
    const running = new FunctionProcess(this.#options, shift, () => this.timedOut++);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }
}

class FunctionProcess {
  readonly ended: Promise<unknown>;
  isUsable = true;
  readonly #process: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #timeoutMilliseconds: number;
  readonly #onTimeout: () => void;
  readonly #invocations = new Map<number, { end: (reply: Omit<Reply, 'id'>) => void; text: string }>();
  #lastId = 0;

  constructor(
    { bundle, environment, timeoutMilliseconds, onMessage }: FunctionOptions,
    clockShiftMilliseconds: number,
    onTimeout: () => void,
  ) {
    this.#onTimeout = onTimeout;
    this.#timeoutMilliseconds = timeoutMilliseconds;
    this.#process = fork(fileURLToPath(new URL('function-program.ts', import.meta.url)), [bundle], {
      env: { ...environment, CLOCK_SHIFT_MILLISECONDS: `${clockShiftMilliseconds}` },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
    this.#ready = ready;
    this.#process.on('message', (message: Reply | typeof READY) => {
      if (message === READY) becomeReady();
      else if (typeof message.id === 'number') this.#invocations.get(message.id)?.end(message);
      else onMessage?.(message);
    });
    this.ended = once(this.#process, 'exit');
    void this.ended.then(() => this.#end());
  }

  get load(): number {
    return this.#invocations.size;
  }

  worksOn(text: string): boolean {
    return [...this.#invocations.values()].some((invocation) => invocation.text.includes(text));
  }

  invoke(event: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    let timer: NodeJS.Timeout | undefined;
    const end = ({ result, error }: Omit<Reply, 'id'>) => {
      clearTimeout(timer);
      this.#invocations.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.#invocations.set(id, { end, text: JSON.stringify(event) });
    // As on Lambda, loading the function does not count towards the timeout.
    void this.#ready.then(() => {
      if (!this.#invocations.has(id)) return;
      // Lambda kills an environment whose invocation times out.
      timer = setTimeout(() => {
        this.#onTimeout();
        this.signal('SIGKILL');
      }, this.#timeoutMilliseconds);
      const invocation: Invocation = { id, event, milliseconds: this.#timeoutMilliseconds };
      this.#process.send(invocation, () => {});
    });
    return promise;
  }

  signal(signal: NodeJS.Signals): void {
    // At once, not when the exit is noticed: a killed environment gets no further invocation.
    if (signal === 'SIGKILL') this.isUsable = false;
    this.#process.kill(signal);
  }

  async stop(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  #end(): void {
    this.isUsable = false;
    for (const { end } of [...this.#invocations.values()]) end({ error: 'The function was killed' });
  }
}
