import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { DeploymentError } from './deployment-error.ts';

/**
 * Asks on the terminal.
 *
 * @returns whether the answer is `yes`
 * @throws {DeploymentError} if the input is not a terminal
 */
export async function confirm(question: string, input: NodeJS.ReadStream, signal?: AbortSignal): Promise<boolean> {
  if (!input.isTTY) throw new DeploymentError('Not a terminal: pass --yes to confirm.');
  const terminal = createInterface({ input, output: process.stderr });
  try {
    // Readline intercepts Ctrl+C and closes.
    const closed = once(terminal, 'close').then(() => '');
    const answer = await Promise.race([terminal.question(question, { ...(signal && { signal }) }), closed]);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}
