import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionBundle, platformSdkBundle, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { PROJECT_ROOT } from '../support/project.ts';

interface LockedPackage {
  version?: string;
  integrity?: string;
  resolved?: string;
  dev?: boolean;
  hasInstallScript?: boolean;
}

const readJson = (name: string) => JSON.parse(readFileSync(path.join(PROJECT_ROOT, name), 'utf8'));
const manifest = readJson('package.json');
const { '': project, ...packages }: Record<string, LockedPackage> = readJson('package-lock.json').packages;

describe('The lock file', () => {
  it('matches package.json', () => {
    const { dependencies, devDependencies } = manifest;
    expect(project).toMatchObject({ dependencies, devDependencies });
  });

  it('has the hash of each package, and depends on no registry', () => {
    const entries = Object.entries(packages);
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([name]) => name)).toEqual([]);
    expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([name]) => name)).toEqual([]);
  });
});

describe('The deployed code', () => {
  let outdir: string;
  let deployed: [string, LockedPackage | undefined][];
  beforeAll(async () => {
    outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-'));
    const bundles = [webhookBundle, workerBundle, connectionBundle].map((bundle) => bundle(PROJECT_ROOT, outdir));
    const sdk = platformSdkBundle(PROJECT_ROOT, outdir, { isWhole: true });
    const results = await Promise.all([...bundles, sdk].map((options) => build(options)));
    const names = results.flatMap(({ metafile }) => packagesIn(metafile));
    deployed = [...new Set(names)].map((name) => [name, packages[name]]);
  });
  afterAll(() => rm(outdir, { recursive: true }));

  it('contains only production dependencies', () => {
    expect(deployed.length).toBeGreaterThan(20);
    expect(deployed.filter(([, locked]) => locked === undefined || locked.dev).map(([name]) => name)).toEqual([]);
  });

  it('has no dependency that runs a script when it is installed', () => {
    const withScript = deployed.filter(([, locked]) => locked?.hasInstallScript).map(([name]) => name);
    // The official SDK depends on it; its script only prints a note about version numbers.
    expect(withScript).toEqual(['node_modules/protobufjs']);
    expect(manifest.allowScripts).toMatchObject({ protobufjs: false });
  });
});

/** Returns the packages whose modules are in a bundle, named as in the lock file. */
function packagesIn({ inputs, outputs }: Metafile): string[] {
  const used = Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([name, { bytesInOutput }]) => (bytesInOutput > 0 ? [name] : [])),
  );
  return used
    .filter((name) => name in inputs)
    .flatMap((name) => /^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/.exec(withoutNamespace(name))?.[0] ?? []);
}

/** Removes the namespace of an esbuild plugin from a module's name. */
function withoutNamespace(name: string): string {
  return name.replace(/^[\w-]+:/, '');
}
