import { describe, expect, it } from 'vitest';
import { dependenciesOf, type LockedPackage } from '../../lib/build/locked-packages.ts';

describe('dependenciesOf', () => {
  const optionalPeers = (...names: string[]) => ({
    peerDependencies: Object.fromEntries(names.map((name) => [name, '*'])),
    peerDependenciesMeta: Object.fromEntries(names.map((name) => [name, { optional: true }])),
  });
  const locked = new Map<string, LockedPackage>([
    ['node_modules/a', { dependencies: { b: '2', c: '1' } }],
    ['node_modules/a/node_modules/b', { dependencies: { c: '1' } }],
    ['node_modules/b', { dependencies: { unused: '1' } }],
    ['node_modules/c', { dependencies: { a: '1' }, optionalDependencies: { 'c-linux': '1', absent: '1' } }],
    ['node_modules/c-linux', {}],
    ['node_modules/unused', {}],
    ['node_modules/orm', optionalPeers('driver', 'typescript', 'other-driver', '@types/node')],
    ['node_modules/driver', {}],
    ['node_modules/typescript', { dev: true }],
    // Another package depends on it.
    ['node_modules/@types/node', {}],
  ]);
  const find = (name: string) => [...dependenciesOf([name], locked)].toSorted();

  it('finds them as Node does, in a cycle as well', () => {
    const expected = ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c', 'node_modules/c-linux'];
    expect(find('a')).toEqual(expected);
  });

  it('includes optional peers that the project uses, except for development or for types', () => {
    expect(find('orm')).toEqual(['node_modules/driver', 'node_modules/orm']);
  });

  it('finds nothing for a package that is not locked', () => {
    expect(find('absent')).toEqual([]);
  });
});
