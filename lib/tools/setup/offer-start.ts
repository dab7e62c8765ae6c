import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { askYesOrNo } from '../../cli/ask.ts';
import { formatLine } from '../../cli/terminal-line.ts';
import type { Terminal } from './registration.ts';

/** The program that `npm start` runs, relative to the project's folder. */
const START = ['--require', './lib/cli/node-version.cjs', 'lib/local/start.ts', '--long-connection'];

/**
 * Offers to run `npm start -- --long-connection`, and runs it.
 *
 * @param root the project's folder
 * @param environment the variables of the process, without those of `.env`
 * @returns its exit code, or `undefined` if the user does not start it
 * @throws the reason of the cancellation
 */
export async function offerStart(
  root: string,
  environment: NodeJS.ProcessEnv,
  { input, output, cancellation }: Terminal,
): Promise<number | undefined> {
  const next = 'When "npm start -- --long-connection" says that it is connected, write to your bot.';
  output.write(`\n${formatLine(next, output)}\n`);
  if (!input.isTTY) return undefined;
  if (!(await askYesOrNo('Start it now?', true, input, output, cancellation))) return undefined;
  // Ctrl+C reaches both processes: the stack stops and ends this one.
  process.removeAllListeners('SIGINT').on('SIGINT', () => {});
  const child = spawn(process.execPath, START, { cwd: root, env: environment, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
