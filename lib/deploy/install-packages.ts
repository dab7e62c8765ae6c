import { execFile } from 'node:child_process';
import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { EXTENSIONS_FILE } from '../build/extensions.ts';
import { dependenciesOf, type LockedPackage, type LockedPackages } from '../build/locked-packages.ts';
import { PLATFORM_SDK } from '../build/shared-platform-sdk.ts';
import { DeploymentError } from './deployment-error.ts';

/** Lambda's names of processors, and Node's. */
const PROCESSORS = { arm64: 'arm64', x86_64: 'x64' } as const;
export type Architecture = keyof typeof PROCESSORS;

/** `e_machine` of ELF files. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const ELF_MACHINES = { arm64: 0xb7, x86_64: 0x3e } as const;

/** Records what is installed, so that the next deployment need not install it again. */
const RECORD = 'installed.json';

/**
 * Installs packages into the folder of bundles for Lambda's platform, with the versions of package-lock.json. Does nothing
 * if they are installed already.
 *
 * @param root the project's folder
 * @param outdir the folder of bundles; the packages go into its `node_modules`
 * @param names the packages
 * @throws {DeploymentError} if a package cannot be installed or has no native code for the platform
 */
export async function installPackages(
  root: string,
  outdir: string,
  names: string[],
  locked: LockedPackages,
  architecture: Architecture,
): Promise<void> {
  const unknown = names.find((name) => !locked.has(`node_modules/${name}`));
  if (unknown !== undefined) {
    throw new DeploymentError(
      `The package ${unknown} must be installed for Lambda, but package-lock.json does not contain it. Run: npm install ${unknown}`,
    );
  }
  const local = names.find((name) => locked.get(`node_modules/${name}`)?.link);
  if (local !== undefined) {
    throw new DeploymentError(
      `The package ${local} is a folder that npm links, which cannot be installed for Lambda. Bundle it: move its native code and data files into a package, and remove it from \`packages\` in ${EXTENSIONS_FILE}.`,
    );
  }
  const locations = [...dependenciesOf(names, locked)].toSorted();
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const files = createManifests(root, manifest.allowScripts, locations, locked);
  const record = JSON.stringify({ ...files, architecture });
  const recordFile = path.join(outdir, RECORD);
  if ((await readFile(recordFile, 'utf8').catch(() => '')) === record) return;
  await rm(recordFile, { force: true });
  await mkdir(outdir, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(outdir, name), content);
  await runNpm(root, outdir, architecture);
  for (const location of locations) await checkNativeCode(outdir, location, locked, architecture);
  await writeFile(recordFile, record);
}

/** Returns the names of the folders in `node_modules` that packages need, including their dependencies. */
export function installedFolders(names: string[], locked: LockedPackages): string[] {
  const folders = [...dependenciesOf(names, locked)].map((location) => topLevel(location));
  return [...new Set(folders)].filter((name) => name !== PLATFORM_SDK).toSorted();
}

function topLevel(location: string): string {
  return location.slice('node_modules/'.length).split('/node_modules/')[0] as string;
}

/** Returns the parts of package.json and package-lock.json that concern the packages. */
function createManifests(root: string, allowScripts: unknown, locations: string[], locked: LockedPackages) {
  const packages = locations.map((location) => [location, locked.get(location) as LockedPackage] as const);
  // All of them are direct dependencies: npm would remove a peer dependency that nothing else needs.
  const direct = packages.filter(([location]) => location === `node_modules/${topLevel(location)}`);
  const select = (isOptional: boolean) =>
    Object.fromEntries(
      direct
        .filter(([, entry]) => isOptionalPackage(entry) === isOptional)
        .map(([location, entry]) => [topLevel(location), versionOf(root, location, entry)]),
    );
  const manifest = {
    name: 'installed-packages',
    version: '0.0.0',
    private: true,
    dependencies: select(false),
    optionalDependencies: select(true),
    ...(allowScripts === undefined ? {} : { allowScripts }),
  };
  const entries = packages.map(([location, { dev: _, peer: __, devOptional: ___, ...entry }]) => [
    location,
    {
      ...entry,
      ...(isOptionalPackage(locked.get(location)) ? { optional: true } : {}),
      ...(entry.resolved?.startsWith('file:') ? { resolved: absolute(root, entry.resolved) } : {}),
    },
  ]);
  const { name, version } = manifest;
  const lock = { name, version, lockfileVersion: 3, packages: { '': manifest, ...Object.fromEntries(entries) } };
  return { 'package.json': JSON.stringify(manifest, null, 2), 'package-lock.json': JSON.stringify(lock, null, 2) };
}

function isOptionalPackage(entry: LockedPackage | undefined): boolean {
  return Boolean(entry?.optional || entry?.devOptional);
}

function versionOf(root: string, location: string, { name, version, resolved }: LockedPackage): string {
  if (resolved?.startsWith('file:')) return absolute(root, resolved);
  if (resolved?.startsWith('git')) return resolved;
  if (version === undefined) throw new DeploymentError(`package-lock.json has no version of ${topLevel(location)}.`);
  return name === undefined ? version : `npm:${name}@${version}`;
}

function absolute(root: string, file: string): string {
  return `file:${path.resolve(root, file.slice('file:'.length))}`;
}

async function runNpm(root: string, outdir: string, architecture: Architecture): Promise<void> {
  const cpu = PROCESSORS[architecture];
  // npm reads the settings of a registry next to package.json.
  const settings = path.join(outdir, '.npmrc');
  await copyFile(path.join(root, '.npmrc'), settings).catch(ignoreMissing);
  const options = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  // `npx` sets it.
  const { npm_execpath: npm = '' } = process.env;
  const [command, prefix] = npm.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  try {
    await promisify(execFile)(command, [...prefix, 'ci', ...options], {
      cwd: outdir,
      // On Windows, npm is a batch file.
      shell: command === 'npm' && process.platform === 'win32',
      maxBuffer: Number.POSITIVE_INFINITY,
      env: {
        ...process.env,
        // For scripts that download native code: prebuild-install and node-pre-gyp.
        npm_config_platform: 'linux',
        npm_config_arch: cpu,
        // Not the Node that runs npm. Lambda has the same major version as this one.
        npm_config_target: process.versions.node,
        npm_config_target_platform: 'linux',
        npm_config_target_arch: cpu,
        npm_config_target_libc: 'glibc',
      },
    });
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
    const lines = (stderr || stdout || String(error)).split('\n').filter((line) => !/^npm warn/i.test(line));
    throw new DeploymentError(
      `The packages that cannot be bundled could not be installed for linux ${cpu}. npm says:\n${lines.slice(0, MAXIMUM_LINES).join('\n')}`,
    );
  } finally {
    await rm(settings, { force: true });
  }
}

const MAXIMUM_LINES = 30;

/** Checks that a package's native code runs on Lambda, and removes the files for other platforms. */
async function checkNativeCode(
  outdir: string,
  location: string,
  locked: LockedPackages,
  architecture: Architecture,
): Promise<void> {
  const folder = path.join(outdir, location);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .filter((file) => !path.relative(folder, file).split(path.sep).includes('node_modules'));
  const native = files.filter((file) => file.endsWith('.node'));
  const isUsable = await Promise.all(native.map((file) => isFor(file, architecture)));
  const needsNative = native.length > 0 || files.includes(path.join(folder, 'binding.gyp'));
  const isOptional = isOptionalPackage(locked.get(location));
  if (needsNative && !isUsable.includes(true) && !isOptional) {
    const cpu = PROCESSORS[architecture];
    const name = location.slice('node_modules/'.length);
    throw new DeploymentError(
      `The package ${name} has native code, but none for linux ${cpu}. It offers no prebuilt file for this platform, or its install script did not run (see \`allowScripts\` in package.json). ` +
        `Use another version or package, build on a linux ${cpu} machine, or choose the other architecture (\`provider.architecture\` in serverless.yml).`,
    );
  }
  await Promise.all(native.filter((_, index) => !isUsable[index]).map((file) => rm(file)));
}

async function isFor(file: string, architecture: Architecture): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(20), 0, 20, 0);
    const isElf = bytesRead === 20 && buffer.readUInt32BE() === 0x7f_45_4c_46;
    return isElf && buffer.readUInt16LE(18) === ELF_MACHINES[architecture];
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
