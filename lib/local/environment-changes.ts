import { unwatchFile, watchFile } from 'node:fs';
import path from 'node:path';
import { readLocalEnvironment } from '../cli/environment.ts';

const POLL_MILLISECONDS = 1000;

/**
 * Reports changes of `.env`, which apply only to the next start.
 *
 * @param root the project's folder
 * @param environment the variables in use, as {@link readLocalEnvironment} returned them
 * @param onNotice called once for each set of changed variables with their names, or with why `.env` cannot be read
 * @returns a function that stops it
 */
export function reportEnvironmentChanges(
  root: string,
  environment: Record<string, string>,
  onNotice: (text: string) => void,
): () => void {
  let reported = '';
  const compare = async () => {
    const notice = await describeChanges(root, environment);
    if (notice !== '' && notice !== reported) onNotice(notice);
    reported = notice;
  };
  const file = path.join(root, '.env');
  // Polls, because editors replace files, and not every file system reports changes.
  watchFile(file, { interval: POLL_MILLISECONDS, persistent: false }, compare);
  return () => unwatchFile(file, compare);
}

/** @returns nothing if all variables have the values that are in use */
async function describeChanges(root: string, environment: Record<string, string>): Promise<string> {
  try {
    const changed = await readLocalEnvironment(root);
    const names = [...new Set([...Object.keys(environment), ...Object.keys(changed)])];
    const different = names.filter((name) => changed[name] !== environment[name]);
    if (different.length === 0) return '';
    return `.env has changed (${different.join(', ')}). Restart npm start to apply it.`;
  } catch (error) {
    return `.env has changed, but cannot be used. ${(error as Error).message}`;
  }
}
