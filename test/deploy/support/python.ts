import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './project.ts';
import { runOrThrow } from './run.ts';

const VIRTUAL_ENVIRONMENT = path.join(ROOT, '.venv');
const REQUIREMENTS = path.join(ROOT, 'test/deploy/requirements.txt');

/** @returns the path of a tool that requirements.txt brings */
export function pythonTool(name: string): string {
  return path.join(VIRTUAL_ENVIRONMENT, 'bin', name);
}

/** Installs the Python tools where they are not yet. */
export default async function setup(): Promise<void> {
  const hash = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
  const installed = path.join(VIRTUAL_ENVIRONMENT, `${hash}.installed`);
  if (existsSync(installed)) return;
  const options = { environment: process.env as Record<string, string> };
  await rm(VIRTUAL_ENVIRONMENT, { recursive: true, force: true });
  await runOrThrow('python3', ['-m', 'venv', VIRTUAL_ENVIRONMENT], options);
  await runOrThrow(pythonTool('pip'), ['install', '--quiet', '--requirement', REQUIREMENTS], options);
  await writeFile(installed, '');
}
