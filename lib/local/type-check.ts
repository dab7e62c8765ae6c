import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { readLines } from './functions/read-lines.ts';

export interface TypeCheckOptions {
  /** The project's folder. */
  root: string;
  /** Called when the errors change, and when they are fixed. */
  onNotice: (text: string) => void;
  /** How long the sources must be unchanged before a check starts. */
  quietMilliseconds?: number;
}

const QUIET_MILLISECONDS = 3000;
/** A broken package can cause thousands. */
const MAXIMUM_ERRORS = 10;
/** `file(line,column): error TS1234: …`, without a file for the configuration. Further lines of an error are indented. */
const ERROR = /^(?:(\S.*)\(\d+,\d+\): )?error TS\d+: /;

/**
 * Checks the project's types in the background, because esbuild only removes them: one check at a time, in a process with
 * a low priority, once the sources have been unchanged for a while.
 */
export class TypeCheck {
  readonly #options: TypeCheckOptions;
  #timer: NodeJS.Timeout | undefined;
  #compiler: ChildProcess | undefined;
  #isStopped = false;
  #reported = '';

  constructor(options: TypeCheckOptions) {
    this.#options = options;
  }

  /** Schedules a check. Does nothing if TypeScript is not installed, or the project has no `tsconfig.json`. */
  schedule(): void {
    if (this.#isStopped) return;
    // Its sources have changed.
    this.#compiler?.kill();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), this.#options.quietMilliseconds ?? QUIET_MILLISECONDS);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#compiler?.kill();
  }

  async #check(): Promise<void> {
    const { root, onNotice } = this.#options;
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    if (this.#compiler !== undefined) return this.schedule();
    if (!existsSync(compiler) || !existsSync(path.join(root, 'tsconfig.json'))) return;
    const program = spawn(process.execPath, [compiler, '--noEmit', '--pretty', 'false'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      // Keeps Ctrl+C in the terminal from interrupting it before stop().
      detached: true,
    });
    this.#compiler = program;
    const lines: string[] = [];
    readLines(program.stdout, (line) => lines.push(line));
    lowerPriority(program);
    const [code] = await once(program, 'close').catch(() => [null]);
    this.#compiler = undefined;
    const isKilled = code === null;
    const isUnable = code !== 0 && !lines.some((line) => ERROR.test(line));
    if (isKilled || isUnable || this.#isStopped) return;
    const report = formatErrors(ownErrors(lines));
    if (report === this.#reported) return;
    this.#reported = report;
    onNotice(report === '' ? 'Type errors fixed.' : report);
  }
}

/** Returns the errors in the project's files: their lines, without those in packages. */
function ownErrors(lines: readonly string[]): string[] {
  const errors: string[] = [];
  let isOwn = false;
  for (const line of lines) {
    const error = ERROR.exec(line);
    if (error !== null) {
      isOwn = !/(^|\/)node_modules\/|^\.\./.test(error[1] ?? '');
      if (isOwn) errors.push(line);
    } else if (isOwn && /^\s/.test(line)) {
      errors.push(`${errors.pop()}\n${line}`);
    }
  }
  return errors;
}

function formatErrors(errors: readonly string[]): string {
  if (errors.length === 0) return '';
  const more = errors.length - MAXIMUM_ERRORS;
  const count = errors.length === 1 ? 'Type error' : `${errors.length} type errors`;
  return [
    `${count} (the functions run anyway):`,
    ...errors.slice(0, MAXIMUM_ERRORS),
    ...(more > 0 ? [`… and ${more} more: npx tsc`] : []),
  ].join('\n');
}

function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has already ended.
  }
}
