import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type PartialMessage, type Plugin, transform } from 'esbuild';

/** The function that each folder's modules export the result of. */
const FUNCTION_OF_FOLDER: ReadonlyMap<string, string> = new Map([
  ['v2', 'onEvent'],
  ['v1', 'onEventV1'],
  ['callbacks', 'onCallback'],
]);

/** Whatever a bundler takes for code. Only `.ts` is looked for, so that a handler in another one would be passed over. */
const CODE = /\.[cm]?[jt]sx?$/;

/**
 * Refuses a handler module whose name is not its event type: it would be deployed and never called.
 *
 * @param folder `functions/handlers`
 */
export function handlerModules(folder: string): Plugin {
  return {
    name: 'handler-modules',
    setup(build) {
      build.onStart(async () => ({ errors: await findMisnamedHandlers(folder) }));
    },
  };
}

/** @returns a message for each file in the folder that can't be a handler */
export async function findMisnamedHandlers(folder: string): Promise<PartialMessage[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const problems = await Promise.all(
    files.sort().map(async (file) => ({ file, text: await checkHandler(folder, file) })),
  );
  return problems.flatMap(({ file, text }) => (text === undefined ? [] : [{ text, location: { file } }]));
}

async function checkHandler(folder: string, file: string): Promise<string | undefined> {
  const name = path.relative(folder, file).split(path.sep).join('/');
  if (!CODE.test(name)) return;
  const [, kind = '', type = ''] = /^([^/]+)\/([^/]+)\.ts$/.exec(name) ?? [];
  const expected = FUNCTION_OF_FOLDER.get(kind);
  if (expected === undefined) {
    if (name === 'fallback.ts') return;
    return `functions/handlers/${name} is never called: handlers are v2/<type>.ts, v1/<type>.ts and callbacks/<type>.ts, and helpers are elsewhere.`;
  }
  const code = await normalise(file);
  if (code === undefined) return;
  const calls = findCalls(code);
  const [call] = calls;
  if (call === undefined || calls.length > 1 || !hasDefaultExport(code)) {
    return `functions/handlers/${name} must export one handler: export default ${expected}('${type}', …). Helpers and tests go elsewhere.`;
  }
  if (call.function !== expected) {
    return `functions/handlers/${name} exports ${call.function}(…), but in ${kind}/ it must be ${expected}(…).`;
  }
  if (call.type !== type) {
    return `functions/handlers/${name} handles "${call.type}", but is named for "${type}": rename it to ${call.type}.ts.`;
  }
  return;
}

/** Without types, comments and other ways to write the same. A module that does not parse is the bundler's to report. */
async function normalise(file: string): Promise<string | undefined> {
  const options = {
    loader: 'ts',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'silent',
  } as const;
  try {
    return (await transform(await readFile(file, 'utf8'), options)).code;
  } catch {
    return undefined;
  }
}

function hasDefaultExport(code: string): boolean {
  return /\bexport default\b|\bas default\b/.test(code);
}

function findCalls(code: string): { function: string; type: string }[] {
  const calls = code.matchAll(/\b(onEvent|onEventV1|onCallback)\(["'`]([^"'`]*)["'`]/g);
  return Array.from(calls, ([, name = '', type = '']) => ({ function: name, type }));
}
