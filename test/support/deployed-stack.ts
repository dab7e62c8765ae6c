import type { DeployedStack } from '../../lib/deploy/deployed-stack.ts';

/** Creates a deployed stack with these physical ids, by logical id. */
export function createDeployedStack(ids: Readonly<Record<string, string>>): DeployedStack {
  return {
    name: 'test',
    physicalId: (id) => ids[id],
    physicalIdsOf: () => [],
    resources: () => [],
    output: () => undefined,
  };
}
