import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './project.ts';
import { runOrThrow } from './run.ts';

/** checkov has its own environment, because it requires a botocore that is too old for the other tools. */
const ENVIRONMENTS = { tools: 'requirements.txt', checkov: 'requirements-checkov.txt' } as const;
type Environment = keyof typeof ENVIRONMENTS;

const folderOf = (name: Environment) => path.join(ROOT, '.venv', name);

/** Returns the path of an installed Python tool. */
export function pythonTool(name: string): string {
  return path.join(folderOf(name === 'checkov' ? 'checkov' : 'tools'), 'bin', name);
}

/** Installs the Python tools unless they are installed. */
export default async function setup(): Promise<void> {
  for (const [name, requirements] of Object.entries(ENVIRONMENTS)) {
    await install(folderOf(name as Environment), path.join(ROOT, 'test/deploy', requirements));
  }
}

async function install(folder: string, requirements: string): Promise<void> {
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const installed = path.join(folder, `${hash}.installed`);
  if (existsSync(installed)) return;
  const options = { environment: process.env as Record<string, string> };
  await rm(folder, { recursive: true, force: true });
  await runOrThrow('python3', ['-m', 'venv', folder], options);
  const pip = path.join(folder, 'bin/pip');
  await runOrThrow(pip, ['install', '--quiet', '--requirement', requirements], options);
  await writeFile(installed, '');
}
