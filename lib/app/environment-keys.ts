import path from 'node:path';
import { changeEnvironmentFile } from '../cli/change-environment-file.ts';
import { UsageError } from '../cli/command-line.ts';
import { readEnvironmentFile } from '../cli/environment-file.ts';
import type { KeyStore } from './key-rotation.ts';

/**
 * Stores the keys in `.env`, which `npm start` reads when it starts.
 *
 * @param root the project's folder
 * @param environment the variables of the process, which take precedence over `.env`
 * @throws {UsageError} when it writes, if one of them is set
 */
export function environmentKeys(root: string, environment: NodeJS.ProcessEnv): KeyStore {
  const file = path.join(root, '.env');
  return {
    read: async () => ({ ...(await readEnvironmentFile(file)), ...environment }),
    async write(values) {
      const name = Object.keys(values).find((key) => environment[key]);
      if (name !== undefined) {
        throw new UsageError(`${name} is set in the environment, which takes precedence over .env. Unset it first.`);
      }
      const present = await readEnvironmentFile(file);
      const changed = Object.entries(values).filter(([key, value]) => value !== (present[key] ?? ''));
      if (changed.length > 0) await changeEnvironmentFile(file, Object.fromEntries(changed));
    },
    activate: async () => {},
    activationAdvice:
      'The new keys are in .env, which a running npm start reads within seconds: run this command again.',
  };
}
