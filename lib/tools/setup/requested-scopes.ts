import { CONFIGURATION_SCOPES } from '../../app/platform-app.ts';
import { type Requirements, scopesToRequest } from '../../app/requirements.ts';

/** Returns the scopes to request for a new app: those of the handlers, and the one to read back what was granted. */
export function requestedScopes({ scopes }: Requirements): string[] {
  return scopesToRequest([...scopes, { anyOf: CONFIGURATION_SCOPES, neededBy: [] }]);
}
