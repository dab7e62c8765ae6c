import path from 'node:path';
import type { Git } from './git.ts';
import { openStage, type Stage } from './stage.ts';

/** Folders that belong to the project: an upgrade changes only the imports below in them. */
export const HANDLER_FOLDERS = ['functions/handlers', 'test/handlers'] as const;

/** Former paths of the modules that handlers and their tests import, with the names that replace them. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['lib/handler.ts', '#feishu-events'],
  ['lib/testing/run.ts', '#feishu-events/testing'],
  ['lib/tools/samples.ts', '#feishu-events/samples'],
  ['lib/samples/samples.ts', '#feishu-events/samples'],
]);

const RELATIVE_SPECIFIER = /(['"])(\.{1,2}\/[^'"\n]+)\1/g;

/**
 * Replaces relative imports of the template by its names, so that later versions can move files.
 *
 * @param file the module's path in the project
 */
export function rewriteImports(source: string, file: string): string {
  return source.replace(RELATIVE_SPECIFIER, (specifier, quote: string, relative: string) => {
    const name = NAMES.get(path.posix.join(path.posix.dirname(file), relative));
    return name === undefined ? specifier : `${quote}${name}${quote}`;
  });
}

/**
 * Rewrites the imports of all handlers and their tests.
 *
 * @returns the changed files
 */
export function rewriteHandlerImports(stage: Stage): string[] {
  const modules = HANDLER_FOLDERS.flatMap((folder) => stage.list(folder)).filter((file) => file.endsWith('.ts'));
  return modules.filter((file) => {
    const source = stage.read(file);
    const rewritten = rewriteImports(source, file);
    if (rewritten === source) return false;
    stage.write(file, rewritten);
    return true;
  });
}

/**
 * Rewrites the imports of all handlers and their tests in a commit.
 *
 * @returns the new tree and the changed files
 */
export function rewriteCommit(git: Git, commit: string): { tree: string; rewritten: string[] } {
  using stage = openStage(git, commit);
  const rewritten = rewriteHandlerImports(stage);
  return { tree: stage.tree(), rewritten };
}
