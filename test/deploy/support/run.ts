import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface RunOptions {
  cwd?: string;
  /** The complete environment. Nothing is inherited from this process. */
  environment: Record<string, string>;
}

/** Runs a command and returns its output and exit code. Does not throw if the command fails. */
export async function run(command: string, args: string[], { cwd, environment }: RunOptions) {
  const child = spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, output: stdout + stderr, code };
}

/**
 * Runs a command and returns its standard output.
 *
 * @throws {Error} if the command fails, with its output
 */
export async function runOrThrow(command: string, args: string[], options: RunOptions): Promise<string> {
  const { stdout, output, code } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}:\n${output}`);
  return stdout;
}
