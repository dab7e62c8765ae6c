import path from 'node:path';
import { parseEnv } from 'node:util';
import { UsageError } from './command-line.ts';
import { readTextFile } from './read-text-file.ts';

/** A generous limit: Lambda accepts 4 KB of environment variables. */
const MAXIMUM_FILE_BYTES = 64 * 1024;

/**
 * Reads a `.env` file.
 *
 * @returns its variables, or an empty object if the file does not exist
 * @throws {UsageError} if it cannot be read, is larger than 64 KiB, or has a malformed line; the message contains the
 *   line's number, never its text
 */
export async function readEnvironmentFile(file: string): Promise<Record<string, string>> {
  const text = await readText(file);
  if (text === undefined) return {};
  const mistake = findMistake(text);
  if (mistake !== undefined)
    throw new UsageError(`${path.basename(file)}, line ${mistake.line}: ${mistake.description}`);
  return Object.fromEntries(Object.entries(parseEnv(text)).map(([name, value]) => [name, value ?? '']));
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readTextFile(file, MAXIMUM_FILE_BYTES);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EISDIR') {
      throw new UsageError(`${file} is a folder. Move it away: .env must be a file of NAME=value lines.`, { cause });
    }
    throw new UsageError(cause instanceof RangeError ? message : `Cannot read ${file}: ${message}`, { cause });
  }
}

/** Finds a line that `parseEnv` would ignore or cut. */
function findMistake(text: string): { line: number; description: string } | undefined {
  const lineAt = (index: number) => text.slice(0, index).split('\n').length;
  let index = 0;
  while (index < text.length) {
    const end = text.indexOf('\n', index);
    const lineEnd = end === -1 ? text.length : end;
    const line = text.slice(index, lineEnd);
    const start = index;
    index = lineEnd + 1;
    if (/^\s*(#.*)?$/.test(line)) continue;
    const assignment = /^\s*(?:export\s+)?[\w.-]+[^\S\n]*=[^\S\n]*/.exec(line);
    if (assignment === null) {
      return { line: lineAt(start), description: 'not NAME=value. Start a comment with #.' };
    }
    const valueStart = start + assignment[0].length;
    const quote = text[valueStart];
    if (quote !== '"' && quote !== "'" && quote !== '`') continue;
    const closing = text.indexOf(quote, valueStart + 1);
    if (closing === -1) return { line: lineAt(start), description: `the closing ${quote} is missing.` };
    const nextEnd = text.indexOf('\n', closing);
    const rest = text.slice(closing + 1, nextEnd === -1 ? text.length : nextEnd);
    if (!/^\s*(#.*)?$/.test(rest)) {
      return {
        line: lineAt(closing),
        description: `text follows the closing ${quote}. Remove that text, or put the whole value in quotes.`,
      };
    }
    index = nextEnd === -1 ? text.length : nextEnd + 1;
  }
  return undefined;
}
