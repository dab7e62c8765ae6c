import { existsSync } from 'node:fs';
import path from 'node:path';

/** A TypeScript module takes precedence, because the build bundles it. */
const EXTENSIONS = ['.ts', '.mjs', '.js', '.cjs'];

export interface HandlerModule {
  /** Relative to the project's folder. */
  source: string;
  exportName: string;
}

/**
 * Finds the module of a Node function.
 *
 * @param root the project's folder
 * @param handler `folder/module.export`, as in serverless.yml
 * @returns `undefined` if there is no such module
 */
export function findHandlerModule(root: string, handler: string): HandlerModule | undefined {
  const extension = path.extname(handler);
  const base = path.posix.normalize(handler.slice(0, handler.length - extension.length));
  const source = EXTENSIONS.map((name) => base + name).find((file) => existsSync(path.join(root, file)));
  return source === undefined ? undefined : { source, exportName: extension.slice(1) };
}
