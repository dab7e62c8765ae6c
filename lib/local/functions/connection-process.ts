import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { debuggingOptions } from '../debugging.ts';
import { readLines } from './read-lines.ts';

export interface ConnectionProcessOptions {
  environment: Record<string, string>;
  /** Takes each line that the program writes. */
  onLine: (line: string) => void;
  /** Takes what the program publishes on its diagnostics channels. */
  onObservation: (channel: string, message: unknown) => void;
  /** Called when the program ends by itself: the platform has refused the app. */
  onEnd: () => void;
}

/** The program that keeps the long connection, as the Fargate task runs it. */
export class ConnectionProcess {
  readonly #options: ConnectionProcessOptions;
  #program: ChildProcess | undefined;
  #source = '';
  /** Changes and the stop come one after the other, so that never two connections are open. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: ConnectionProcessOptions) {
    this.#options = options;
  }

  /** Runs a version of the program instead of the one before, which first finishes what it has under way. */
  load(bundlePath: string): void {
    const source = readFileSync(bundlePath, 'utf8');
    if (source === this.#source) return;
    this.#source = source;
    this.#turn = this.#turn.then(async () => {
      await this.#end();
      this.#start(bundlePath);
    });
  }

  async stop(): Promise<void> {
    await this.#turn;
    await this.#end();
  }

  #start(bundlePath: string): void {
    const { environment, onLine, onObservation, onEnd } = this.#options;
    const observer = fileURLToPath(new URL('observe-process.ts', import.meta.url));
    const debugging = debuggingOptions();
    const nodeOptions = [...debugging.execArgv, '--enable-source-maps', '--import', observer];
    const program = spawn(process.execPath, [...nodeOptions, bundlePath], {
      env: { ...environment, ...debugging.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Not ended by the terminal's Ctrl+C along with this process: it has its turn when the stack stops.
      detached: true,
    });
    for (const input of [program.stdout, program.stderr]) {
      if (input !== null) readLines(input, onLine);
    }
    program.on('message', ({ channel, message }: { channel: string; message: unknown }) =>
      onObservation(channel, message),
    );
    program.on('exit', () => {
      if (this.#program !== program) return;
      this.#program = undefined;
      onEnd();
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
