import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';

const FOLDER = path.join(import.meta.dirname, '.venv');
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const PYTHON_MISSING = 'This test needs Python 3.8 or later with venv and pip (on Debian: python3 and python3-venv).';

/**
 * Creates a virtual environment with the official client, unless it exists.
 *
 * @returns the path of its Python
 * @throws {Error} if Python is missing or the packages cannot be installed
 */
export async function providePython(): Promise<string> {
  const bin = path.join(FOLDER, process.platform === 'win32' ? 'Scripts' : 'bin');
  const python = path.join(bin, 'python');
  const create = ['-m', 'venv', '--clear', FOLDER];
  const isComplete = ['pip', 'pip.exe'].some((name) => existsSync(path.join(bin, name)));
  if (!isComplete) await run(process.env.PYTHON ?? 'python3', create, PYTHON_MISSING);
  const install = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', '--requirement', REQUIREMENTS];
  await run(python, install, `${path.basename(REQUIREMENTS)} cannot be installed from the package index.`);
  return python;
}

async function run(command: string, args: string[], hint: string): Promise<void> {
  const child = spawn(command, args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await once(child, 'close').then(
    ([exitCode]) => exitCode,
    (error: Error) => error.message,
  );
  if (code !== 0) throw new Error(`${hint} "${command} ${args.join(' ')}" ended with ${code}.\n${output}`);
}
