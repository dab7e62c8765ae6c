import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/**
 * Asks a question on the terminal.
 *
 * @param standard the answer if the user only presses Enter
 * @returns `false` if the user closes the input
 * @throws the signal's reason, also if the user presses Ctrl+C
 */
export async function askYesOrNo(
  question: string,
  standard: boolean,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  cancellation: AbortController,
): Promise<boolean> {
  const { signal } = cancellation;
  const terminal = createInterface({ input, output });
  // Readline intercepts Ctrl+C.
  terminal.once('SIGINT', () => cancellation.abort());
  try {
    const closed = once(terminal, 'close').then(() => 'no');
    const choice = standard ? '[Y/n]' : '[y/N]';
    const asked = terminal.question(`${question} ${choice} `, { signal }).catch((error) => {
      signal.throwIfAborted();
      // Ctrl+D
      if (error.name === 'AbortError') return 'no';
      throw error;
    });
    const answer = await Promise.race([asked, closed]);
    const text = answer.trim().toLowerCase();
    return text === '' ? standard : text === 'y' || text === 'yes';
  } finally {
    terminal.close();
  }
}
