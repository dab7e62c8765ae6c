import { unwatchFile, watchFile } from 'node:fs';
import path from 'node:path';
import { readLocalEnvironment } from '../cli/environment.ts';

const POLL_MILLISECONDS = 1000;
/** Read only when the server starts. */
const NEED_RESTART: ReadonlySet<string> = new Set(['HOST', 'PORT']);

export interface EnvironmentChangesOptions {
  /** The project's folder. */
  root: string;
  /** The variables in use, as {@link readLocalEnvironment} returned them. Changes are applied to this object. */
  environment: Record<string, string>;
  /** @throws if the variables cannot be used; they are then not applied */
  check: (environment: Record<string, string>) => void;
  /** Called after a change. */
  onChange: () => void;
  /** Called with the names of the changed variables, or with why `.env` cannot be used. */
  onNotice: (text: string) => void;
}

/**
 * Applies changes of `.env`.
 *
 * @returns a function that stops it
 */
export function watchEnvironment(options: EnvironmentChangesOptions): () => void {
  const { root, environment, check, onChange, onNotice } = options;
  let reported = '';
  /** Reports what stays the same only once. */
  const report = (notice: string) => {
    if (notice !== '' && notice !== reported) onNotice(notice);
    reported = notice;
  };
  const apply = async () => {
    try {
      const next = await readLocalEnvironment(root);
      check(next);
      const names = [...new Set([...Object.keys(environment), ...Object.keys(next)])];
      const changed = names.filter((name) => next[name] !== environment[name]);
      const applied = changed.filter((name) => !NEED_RESTART.has(name));
      for (const name of applied) {
        const value = next[name];
        if (value === undefined) delete environment[name];
        else environment[name] = value;
      }
      if (applied.length > 0) {
        onChange();
        onNotice(`.env has changed (${applied.join(', ')}). The next invocations use the new values.`);
      }
      const others = changed.filter((name) => NEED_RESTART.has(name));
      report(others.length === 0 ? '' : `.env has changed (${others.join(', ')}). Restart npm start to apply it.`);
    } catch (error) {
      report(`.env has changed, but cannot be used. ${(error as Error).message}`);
    }
  };
  const file = path.join(root, '.env');
  // Polls, because editors replace files, and not every file system reports changes.
  watchFile(file, { interval: POLL_MILLISECONDS, persistent: false }, apply);
  return () => unwatchFile(file, apply);
}
