import { transform } from 'esbuild';
import { CALL_SCOPES } from './known-call-scopes.ts';

/** `feishu.im.message.reply(` and `context.feishu.im.v1.message.reply(`, with optional chaining and line breaks. */
const CALL = /\bfeishu\s*((?:\??\.\s*\w+\s*)+)\(/g;

/** Methods of `#feishu-events/messages`, and those of the SDK that they call. */
const MESSAGE_CALLS: readonly (readonly [RegExp, string])[] = [
  [/\breply\s*\??\.\s*(text|markdown|card|stream)\s*\(/, 'im.message.reply'],
  [/\breply\s*\??\.\s*stream\s*\(/, 'cardkit.v1.card.create'],
  [/\bupdateCard\s*\(/, 'im.message.patch'],
  [/\.\s*(quoted|forwarded)\s*\(/, 'im.message.get'],
  [/\.\s*download\s*\(/, 'im.messageResource.get'],
];

/**
 * Finds the methods of the official SDK's client that a module calls on a variable or property named `feishu`. Calls
 * through other names are not found.
 *
 * @param source TypeScript or JavaScript
 * @param usesMessages whether to include the methods that `#feishu-events/messages` calls for the module
 * @returns their names as in {@link CALL_SCOPES}, otherwise without the version, for example `im.message.reply`
 */
export async function findSdkCalls(source: string, usesMessages = false): Promise<string[]> {
  if (!usesMessages && !source.includes('feishu')) return [];
  // Removes comments.
  const { code } = await transform(source, { loader: 'tsx', logLevel: 'silent' }).catch(() => ({ code: source }));
  const calls = [...code.matchAll(CALL)].map(([, members = '']) => members.match(/\w+/g) ?? []);
  // `feishu.request()` and similar helpers belong to no service.
  const found = calls.filter((names) => withoutVersion(names).length > 2).map(nameOf);
  const forMessages = usesMessages ? MESSAGE_CALLS.filter(([call]) => call.test(code)).map(([, name]) => name) : [];
  return [...new Set([...found, ...forMessages])];
}

function nameOf(names: string[]): string {
  const name = names.join('.');
  return CALL_SCOPES.has(name) ? name : withoutVersion(names).join('.');
}

function withoutVersion(names: string[]): string[] {
  return names.filter((name) => !/^v\d+$/.test(name));
}
