import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { AREAS, WITHOUT_BEHAVIOR } from './areas.ts';

describe('The mutation test areas', () => {
  const patterns = [...AREAS.flatMap(({ modules, tests }) => [...modules, ...tests]), ...WITHOUT_BEHAVIOR];

  it.each(patterns)('have files that match %s', (pattern) => {
    expect(globSync(pattern, { cwd: PROJECT_ROOT })).not.toEqual([]);
  });

  it('contain every module of the protocol once', () => {
    const covered = globSync([...AREAS.flatMap(({ modules }) => modules)], { cwd: PROJECT_ROOT });
    const counted = AREAS.flatMap(({ modules }) => globSync(modules, { cwd: PROJECT_ROOT }));
    expect(counted.toSorted()).toEqual(covered.toSorted());
    const all = globSync('lib/feishu/**/*.ts', { cwd: PROJECT_ROOT });
    expect(all.filter((module) => !covered.includes(module) && !WITHOUT_BEHAVIOR.includes(module))).toEqual([]);
  });
});
