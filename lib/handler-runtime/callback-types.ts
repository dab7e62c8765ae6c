import { CALLBACK_TYPES } from '../feishu/envelope.ts';

const FOLDER = 'callbacks/';

/**
 * Returns the types that are callbacks: the known ones, and those for which the project has a module.
 *
 * @param modules the modules in `functions/handlers`, for example `callbacks/card.action.trigger`
 */
export function callbackTypesOf(modules: readonly string[]): ReadonlySet<string> {
  const ofModules = modules.filter((name) => name.startsWith(FOLDER)).map((name) => name.slice(FOLDER.length));
  return new Set([...CALLBACK_TYPES, ...ofModules]);
}
