import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installOnce, run } from '../tools.ts';

const VERSION = '4.0.2';

/**
 * Installs AWS's runtime client, which runs the handler on Lambda. It is not a dependency, because every `npm ci` would
 * compile its native code, which takes a minute, CMake and a C++ compiler.
 *
 * @returns the path of its entry point
 */
export async function installRuntimeClient(): Promise<string> {
  const folder = await installOnce(`aws-lambda-ric-${VERSION}`, async (target) => {
    const manifest = {
      private: true,
      dependencies: { 'aws-lambda-ric': VERSION },
      allowScripts: { 'aws-lambda-ric': true },
    };
    await writeFile(path.join(target, 'package.json'), JSON.stringify(manifest));
    await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: target });
  });
  return path.join(folder, 'node_modules/aws-lambda-ric/index.mjs');
}
