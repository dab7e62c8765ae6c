import path from 'node:path';
import { readExtensions } from '../build/extensions.ts';
import { packageReport, usedPackages } from '../build/installed-packages.ts';
import { readLockedPackages } from '../build/locked-packages.ts';
import { findReferencedFiles } from '../build/referenced-files.ts';
import type { BundleResult } from './build-bundle.ts';
import { DeploymentError } from './deployment-error.ts';
import { type Architecture, installedFolders, installPackages } from './install-packages.ts';
import type { Serverless } from './serverless.ts';

/** For the user. */
export interface BundleReport {
  warnings: string[];
  notices: string[];
}

export interface BundledFunction {
  name: string;
  result: BundleResult;
}

export interface FunctionFiles extends BundleReport {
  /** Patterns of files relative to the project's folder, by function. */
  files: Map<string, string[]>;
}

/**
 * Finds the files that functions need in addition to their bundles, and installs the packages that cannot be bundled.
 *
 * @param root the project's folder
 * @param outdir the folder of bundles
 * @throws {DeploymentError} if a package cannot be installed
 */
export async function findFunctionFiles(
  root: string,
  outdir: string,
  service: Serverless['service'],
  functions: BundledFunction[],
): Promise<FunctionFiles> {
  const { packages } = await readExtensions(root);
  const used = new Map(functions.map(({ name, result }) => [name, usedPackages(root, result.metafile)]));
  const imported = new Set([...used.values()].flat());
  // Loaded by their names, as the transports of pino are.
  const loaded = packages.filter((name) => !imported.has(name));
  for (const [name, names] of used) {
    if (names.length > 0 || (name === 'worker' && imported.size === 0)) used.set(name, [...names, ...loaded]);
  }
  const notices = await install(root, outdir, service, used);
  const locked = await readLockedPackages(root);
  const inRoot = (name: string) => path.posix.join(path.relative(root, outdir), 'node_modules', name, '**');
  const files = new Map<string, string[]>();
  const warnings: string[] = [];
  for (const { name, result } of functions) {
    const referenced = await findReferencedFiles(root, result.metafile);
    warnings.push(...referenced.warnings);
    const patterns = referenced.files.map((file) => toPattern(file));
    files.set(name, [...patterns, ...installedFolders(used.get(name) ?? [], locked).map(inRoot)]);
  }
  return { files, warnings: [...new Set(warnings)], notices: [...notices, ...describePackages(used, functions)] };
}

async function install(
  root: string,
  outdir: string,
  { functions, provider }: Serverless['service'],
  used: ReadonlyMap<string, string[]>,
): Promise<string[]> {
  const users = [...used].filter(([, names]) => names.length > 0);
  if (users.length === 0) return [];
  const architectures = users.map(([name]) => functions[name]?.architecture ?? provider.architecture ?? 'x86_64');
  const [architecture = 'x86_64', other] = new Set(architectures);
  if (other !== undefined) {
    throw new DeploymentError(
      `The functions ${users.map(([name]) => name).join(', ')} use packages that cannot be bundled, and must have the same architecture, not ${architecture} and ${other}.`,
    );
  }
  const names = [...new Set(users.flatMap(([, names]) => names))].toSorted();
  await installPackages(root, outdir, names, await readLockedPackages(root), architecture as Architecture);
  return [`Installed for ${architecture}, because they cannot be bundled:`];
}

function describePackages(used: ReadonlyMap<string, string[]>, functions: BundledFunction[]): string[] {
  const reports = functions.flatMap(({ result }) => packageReport(result.warnings) ?? []);
  const reasons = new Map(reports.flatMap((report) => [...report.reasons]));
  // Without the packages that these ones use.
  const names = [...new Set([...used.values()].flat())].filter((name) => reasons.has(name)).toSorted();
  const lines = names.map((name) => {
    const users = [...used].flatMap(([user, names]) => (names.includes(name) ? [user] : []));
    return `  ${name} (${reasons.get(name)}), in ${users.join(', ')}`;
  });
  const missing = [...new Set(reports.flatMap((report) => [...report.missing]))].toSorted();
  if (missing.length === 0) return lines;
  return [...lines, `Packages import these, which are not installed and fail if they are used: ${missing.join(', ')}`];
}

/** A folder ends in a slash. Brackets and similar characters in names have no meaning. */
function toPattern(file: string): string {
  const escaped = file.replaceAll(/[\\*?[\]{}()!+@|]/g, '\\$&');
  return escaped.endsWith('/') ? `${escaped}**` : escaped;
}
