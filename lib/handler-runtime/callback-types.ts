import { CALLBACK_TYPES } from '../feishu/envelope.ts';

/**
 * Returns the types that are callbacks: the known ones, and those for which the project has a module.
 *
 * @param modules the modules in `functions/handlers/callbacks`, for example `card.action.trigger`
 */
export function callbackTypesOf(modules: readonly string[]): ReadonlySet<string> {
  return new Set([...CALLBACK_TYPES, ...modules]);
}
