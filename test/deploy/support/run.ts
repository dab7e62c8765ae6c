import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface RunOptions {
  cwd?: string;
  /** All of it: nothing of this process's environment is passed on. */
  environment: Record<string, string>;
}

/** @returns what the command wrote, and its exit code; it does not throw for one that failed */
export async function run(command: string, args: string[], { cwd, environment }: RunOptions) {
  const child = spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, output: stdout + stderr, code };
}

/** @throws when the command fails, with what it wrote */
export async function runOrThrow(command: string, args: string[], options: RunOptions): Promise<string> {
  const { stdout, output, code } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
  return stdout;
}
