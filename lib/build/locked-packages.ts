import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A package in package-lock.json. https://docs.npmjs.com/cli/configuring-npm/package-lock-json#packages */
export interface LockedPackage {
  /** If the package is installed under another name. */
  name?: string;
  version?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  peer?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** By path, such as `node_modules/a/node_modules/b`. */
export type LockedPackages = ReadonlyMap<string, LockedPackage>;

/** Reads package-lock.json. Without the file, the result is empty. */
export async function readLockedPackages(root: string): Promise<LockedPackages> {
  let text: string;
  try {
    text = await readFile(path.join(root, 'package-lock.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const { packages = {} } = JSON.parse(text) as { packages?: Record<string, LockedPackage> };
  return new Map(Object.entries(packages).filter(([name]) => name !== ''));
}

/**
 * Returns the paths of packages and of everything they depend on, including peer dependencies. An optional peer
 * dependency, such as a database driver, counts if the project itself does not only develop with it. Peer dependencies that
 * contain only types do not count.
 *
 * @param names the names of packages in the project's `node_modules`
 */
export function dependenciesOf(names: Iterable<string>, locked: LockedPackages): Set<string> {
  const found = new Set<string>();
  const remaining = [...names].map((name) => `node_modules/${name}`).filter((location) => locked.has(location));
  for (let location = remaining.pop(); location !== undefined; location = remaining.pop()) {
    if (found.has(location)) continue;
    found.add(location);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = locked.get(
      location,
    ) as LockedPackage;
    const required = Object.keys({ ...dependencies, ...optionalDependencies });
    const peers = Object.keys({ ...peerDependencies, ...peerDependenciesMeta });
    remaining.push(
      ...required.flatMap((name) => resolve(name, location, locked) ?? []),
      ...peers.flatMap((name) => {
        const peer = resolve(name, location, locked);
        if (peer === undefined || name.startsWith('@types/')) return [];
        const isUnused = peerDependenciesMeta?.[name]?.optional && locked.get(peer)?.dev;
        return isUnused ? [] : [peer];
      }),
    );
  }
  return found;
}

/** Finds a dependency as Node does: in the package's own `node_modules`, then in those of the folders above. */
function resolve(name: string, dependent: string, locked: LockedPackages): string | undefined {
  for (let folder = dependent; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (locked.has(`${folder}/node_modules/${name}`)) return `${folder}/node_modules/${name}`;
    if (!folder.includes('/node_modules/')) break;
  }
  return locked.has(`node_modules/${name}`) ? `node_modules/${name}` : undefined;
}

/** Returns the name of the package that an import refers to: `@scope/name` of `@scope/name/module`. */
export function packageName(imported: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(imported)?.[0] ?? imported;
}

/** Returns the name of the package in the project's `node_modules` that contains a file, or a package that does. */
export function containingPackage(file: string): string | undefined {
  const [, name] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file.replaceAll('\\', '/')) ?? [];
  return name;
}
