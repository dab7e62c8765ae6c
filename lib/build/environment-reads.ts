import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Metafile, transform } from 'esbuild';

/** `process.env.NAME`, `process.env?.NAME` and `process.env['NAME']` */
const MEMBER = /\bprocess\.env(?:\?\.|\.)?(?:\b(?<name>\w+)|\[\s*["'](?<quoted>\w+)["']\s*\])/g;
/** `{ NAME, OTHER: local, THIRD = 'default' } = process.env` */
const DESTRUCTURING = /\{(?<names>[^{}]*)\}\s*=\s*process\.env\b(?!\s*[.[?])/g;

/**
 * Finds the environment variables that the user's modules of a bundle read by name. Packages are not searched: they
 * read many optional ones.
 *
 * @param root the project's folder
 * @returns for each variable, the first module that reads it
 */
export async function findEnvironmentReads(root: string, { inputs }: Metafile): Promise<Map<string, string>> {
  const reads = new Map<string, string>();
  for (const module of Object.keys(inputs)) {
    if (!/^(?!lib\/|[\w-]+:).*\.[cm]?[jt]sx?$/.test(module) || /(^|\/)node_modules\//.test(module)) continue;
    const source = await readFile(path.join(root, module), 'utf8');
    if (!source.includes('process.env')) continue;
    for (const name of await namesIn(source)) if (!reads.has(name)) reads.set(name, module);
  }
  return reads;
}

async function namesIn(source: string): Promise<string[]> {
  // Removes comments.
  const { code } = await transform(source, { loader: 'tsx', logLevel: 'silent' }).catch(() => ({ code: source }));
  const members = [...code.matchAll(MEMBER)].map(({ groups }) => groups?.name ?? groups?.quoted);
  const destructured = [...code.matchAll(DESTRUCTURING)].flatMap(({ groups }) =>
    (groups?.names ?? '').split(',').map((part) => /^\s*["']?(\w+)/.exec(part)?.[1]),
  );
  return [...members, ...destructured].filter((name) => name !== undefined);
}
