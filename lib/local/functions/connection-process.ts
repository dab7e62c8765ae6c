import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { debuggingOptions } from '../debugging.ts';
import { readLines } from './read-lines.ts';

export interface ConnectionProcessOptions {
  /** Returns the variables of each new program. */
  environment: () => Record<string, string>;
  /** Called with each line that the program writes. */
  onLine: (line: string) => void;
  /** Called with each message that the program publishes on a diagnostics channel. */
  onPublish: (channel: string, message: unknown) => void;
  /** Called when the program exits by itself, because the platform rejected the app. */
  onExit: () => void;
}

/** Runs the program of the long connection, which is a Fargate task when deployed. */
export class ConnectionProcess {
  readonly #options: ConnectionProcessOptions;
  #program: ChildProcess | undefined;
  #source = '';
  #bundlePath: string | undefined;
  /** Starts and stops run one after the other, so that no two connections are open at once. */
  #lastChange: Promise<void> = Promise.resolve();

  constructor(options: ConnectionProcessOptions) {
    this.#options = options;
  }

  /** Replaces the running program with a new version, after the old one has finished its events in flight. */
  load(bundlePath: string): void {
    const source = readFileSync(bundlePath, 'utf8');
    if (source === this.#source) return;
    this.#source = source;
    this.#bundlePath = bundlePath;
    this.#restart(bundlePath);
  }

  /** Connects again with the current environment. */
  reload(): void {
    if (this.#bundlePath !== undefined) this.#restart(this.#bundlePath);
  }

  #restart(bundlePath: string): void {
    this.#lastChange = this.#lastChange.then(async () => {
      await this.#end();
      this.#start(bundlePath);
    });
  }

  async stop(): Promise<void> {
    await this.#lastChange;
    await this.#end();
  }

  #start(bundlePath: string): void {
    const { environment, onLine, onPublish, onExit } = this.#options;
    const observer = fileURLToPath(new URL('observe-process.ts', import.meta.url));
    const debugging = debuggingOptions();
    const nodeOptions = [...debugging.execArgv, '--enable-source-maps', '--import', observer];
    const program = spawn(process.execPath, [...nodeOptions, bundlePath], {
      env: { ...environment(), ...debugging.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Keeps Ctrl+C in the terminal from ending it before the stack stops it.
      detached: true,
    });
    for (const input of [program.stdout, program.stderr]) {
      if (input !== null) readLines(input, onLine);
    }
    program.on('message', ({ channel, message }: { channel: string; message: unknown }) => onPublish(channel, message));
    program.on('exit', () => {
      if (this.#program !== program) return;
      this.#program = undefined;
      onExit();
    });
    this.#program = program;
  }

  async #end(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    this.#program = undefined;
    program.kill('SIGTERM');
    await once(program, 'exit');
  }
}
