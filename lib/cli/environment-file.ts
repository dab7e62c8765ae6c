import path from 'node:path';
import { parseEnv } from 'node:util';
import { UsageError } from './command-line.ts';
import { readAssignments } from './environment-assignments.ts';
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
  const mistake = readAssignments(text).find((entry) => 'description' in entry);
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
