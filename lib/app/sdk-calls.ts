import { transform } from 'esbuild';

/** `feishu.im.message.reply(` and `context.feishu.im.v1.message.reply(`, with optional chaining and line breaks. */
const CALL = /\bfeishu\s*((?:\??\.\s*\w+\s*)+)\(/g;

/**
 * Finds the methods of the official SDK's client that a module calls on a variable or property named `feishu`. Calls
 * through other names are not found.
 *
 * @param source TypeScript or JavaScript
 * @returns their names without the version, for example `im.message.reply`
 */
export async function findSdkCalls(source: string): Promise<string[]> {
  if (!source.includes('feishu')) return [];
  // Removes comments.
  const { code } = await transform(source, { loader: 'tsx', logLevel: 'silent' }).catch(() => ({ code: source }));
  const calls = [...code.matchAll(CALL)].map(([, members = '']) => members.match(/\w+/g) ?? []);
  const methods = calls.map((names) => names.filter((name) => !/^v\d+$/.test(name)));
  // `feishu.request()` and similar helpers belong to no service.
  return [...new Set(methods.filter(({ length }) => length > 2).map((names) => names.join('.')))];
}
