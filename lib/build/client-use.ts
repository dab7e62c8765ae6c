import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Plugin, transform } from 'esbuild';
import type { PackageImports } from './package-imports.ts';

const REPLACED = /[\\/]lib[\\/]worker[\\/]client-use\.ts$/;
/** `context.feishu`, but not the domain feishu.cn, or `feishu` in a destructuring */
const USES_CLIENT = /\.feishu\b(?!\.(?:cn|net)\b)|[{,]\s*feishu\s*[,}:=]/;

/**
 * Creates a plugin that tells the worker whether a handler may use the `feishu` client or the official SDK: it replaces
 * `lib/worker/client-use.ts`. In doubt, the worker loads the SDK without need, which only makes its init phase longer.
 *
 * @param root the project's folder
 */
export const clientUse = (root: string, { find }: PackageImports): Plugin => ({
  name: 'client-use',
  setup(build) {
    build.onLoad({ filter: REPLACED }, async () => {
      const { sources, usesSdk } = await find();
      const modules = sources.filter((source) => !source.startsWith('lib/'));
      // Its functions take the context and call the client.
      const usesMessages = sources.some((source) => source.startsWith('lib/messages/'));
      const isUsing = await Promise.all(modules.map((source) => usesClient(path.resolve(root, source))));
      const value = usesSdk || usesMessages || isUsing.includes(true);
      return {
        contents: `export const USES_CLIENT = ${value};`,
        watchFiles: modules.map((source) => path.resolve(root, source)),
      };
    });
  },
});

/** Returns whether the code of a module mentions the `feishu` client. */
export async function usesClient(file: string): Promise<boolean> {
  // An editor may have removed it, or not have finished writing it: the bundler reports syntax errors.
  const source = await readFile(file, 'utf8').catch(() => '');
  if (!source.includes('feishu')) return false;
  // Removes comments.
  const { code } = await transform(source, { loader: 'ts', minifyWhitespace: true, logLevel: 'silent' }).catch(() => ({
    code: '',
  }));
  return USES_CLIENT.test(code);
}
