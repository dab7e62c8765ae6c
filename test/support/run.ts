import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { recordOutput } from './written-output.ts';

export interface Result {
  code: number | null;
  /** stdout and stderr, in the order of writing. */
  output: string;
}

export interface Running extends AsyncDisposable {
  process: ChildProcess;
  output(): string;
  /** Resolves when the process has ended. */
  ended: Promise<Result>;
}

/**
 * Starts a program of a project as its npm script does, without the environment variables of the tests.
 *
 * @param script for example `lib/local/start.ts`
 */
export function start(root: string, script: string, args: string[] = [], environment: NodeJS.ProcessEnv = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FEISHU|AWS|LOG_LEVEL|PORT|HOST)/.test(name));
  const child = spawn(process.execPath, [path.join(root, script), ...args], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...environment },
    detached: true,
  });
  // A killed program may leave esbuild running with its output open, so end the whole process group.
  child.once('exit', () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // The group has already ended.
    }
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      recordOutput(text);
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, output }));
  return {
    process: child,
    output: () => output,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs a program of a project to its end. */
export function run(...args: Parameters<typeof start>): Promise<Result> {
  return start(...args).ended;
}
