import path from 'node:path';
import { installOnce, run } from './tools.ts';

/**
 * Makes a virtual environment with these packages, once.
 *
 * @param requirements with their versions: `moto[server]==5.2.5`
 * @returns the path of its `python`
 */
export async function installPython(name: string, requirements: readonly string[]): Promise<string> {
  const folder = await installOnce(name, async (target) => {
    await run('python3', ['-m', 'venv', target]);
    await run(path.join(target, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...requirements]);
  });
  return path.join(folder, 'bin/python');
}
