import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from './project.ts';

/** The files of packages, by path in \`node_modules\`. */
export const PACKAGES: Packages = {
  'reads-common/package.json': { version: '1.0.0', dependencies: { 'shared-state': '1.0.0' } },
  'reads-common/index.js': `
    const { readFileSync } = require('node:fs');
    try { require('absent-accelerator'); } catch {}
    exports.shared = require('shared-state');
    exports.text = () => readFileSync(__dirname + '/text.txt', 'utf8');
    exports.useDriver = () => require('absent-driver');`,
  'reads-common/text.txt': 'the text of reads-common',
  'shared-state/package.json': { version: '1.0.0' },
  'shared-state/index.js': 'module.exports = new Map();',
  'reads-module/package.json': {
    version: '1.0.0',
    exports: { import: './module.mjs', require: './common.cjs' },
  },
  'reads-module/module.mjs': `
    import { readFileSync } from 'node:fs';
    export const text = readFileSync(new URL('./text.txt', import.meta.url), 'utf8');
    export default () => 'the default export';`,
  'reads-module/common.cjs': "throw new Error('An import statement must not load this file');",
  'reads-module/text.txt': 'the text of reads-module',
  'has-native/package.json': { version: '1.0.0' },
  'has-native/index.js': "exports.loadNative = () => require('./addon.node');",
  'has-native/addon.node': 'not native code',
};

type Packages = Record<string, string | Buffer | object>;

/** Replaces the link to this project's packages by a folder that also contains {@link PACKAGES}. */
export async function installPackages(root: string, packages: Packages = PACKAGES): Promise<void> {
  const folder = path.join(root, 'node_modules');
  await rm(folder);
  await mkdir(folder);
  const installed = path.join(PROJECT_ROOT, 'node_modules');
  for (const name of await readdir(installed)) await symlink(path.join(installed, name), path.join(folder, name));
  for (const [name, content] of Object.entries(packages)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, isFile(content) ? content : JSON.stringify({ name: path.dirname(name), ...content }));
  }
  await writeLock(root, packages, () => ({}));
}

/** Installs packages from files in the folder `packages`, so that npm needs no registry to install them again. */
export async function packPackages(root: string, packages: Packages): Promise<void> {
  await installPackages(root, packages);
  const names = manifests(packages).map(([name]) => name);
  await mkdir(path.join(root, 'packages'));
  const folders = names.map((name) => `./node_modules/${name}`);
  await promisify(execFile)('npm', ['pack', '--pack-destination', 'packages', ...folders], { cwd: root });
  await writeLock(root, packages, (name) => ({ resolved: `file:packages/${name}-1.0.0.tgz` }));
}

function writeLock(root: string, packages: Packages, source: (name: string) => object): Promise<void> {
  const locked = manifests(packages).map(([name, manifest]) => [
    `node_modules/${name}`,
    { ...manifest, ...source(name) },
  ]);
  return writeFile(path.join(root, 'package-lock.json'), JSON.stringify({ packages: Object.fromEntries(locked) }));
}

function manifests(packages: Packages): [string, object][] {
  return Object.entries(packages).flatMap(([name, content]) =>
    isFile(content) ? [] : [[path.dirname(name), content]],
  );
}

function isFile(content: string | Buffer | object): content is string | Buffer {
  return typeof content === 'string' || Buffer.isBuffer(content);
}
