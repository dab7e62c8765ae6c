import type { CallbackHandler, EventHandler } from '../handler.ts';

type Handlers = { v2: EventHandler; v1: EventHandler; fallback: EventHandler; callbacks: CallbackHandler };

/**
 * Imports a handler module by its event type. The bundler turns the `import()` of a template string into a closed map:
 * a name that is not in it throws synchronously, while a module that fails to load rejects.
 */
export type ImportModule = (type: string) => Promise<{ default?: unknown }>;

/** A name that cannot lead out of its folder. Event types come from outside. */
export const MODULE_NAME = /^\w[\w.-]*$/;

/** Returns the folder in `functions/handlers` for the events of an envelope version. */
export function folderOfVersion(version: '1.0' | '2.0'): 'v1' | 'v2' {
  return version === '2.0' ? 'v2' : 'v1';
}

/**
 * Finds the user's handler for an event type.
 *
 * @param kind the folder in `functions/handlers`
 * @returns `undefined` when there is no module of that name
 * @throws {TypeError} when the module's default export is no handler for this type
 * @throws whatever the module throws while it loads
 */
export async function findHandler<Kind extends keyof Handlers>(
  importModule: ImportModule,
  kind: Kind,
  type: string,
): Promise<Handlers[Kind] | undefined> {
  if (!MODULE_NAME.test(type)) return undefined;
  const loading = startImport(importModule, type);
  if (loading === undefined) return undefined;
  const { default: handler } = await loading;
  if (isHandler(handler, kind, type)) return handler;
  throw new TypeError(`The default export of the ${kind} handler module for "${type}" is no handler for this type`);
}

function startImport(importModule: ImportModule, type: string) {
  try {
    return importModule(type);
  } catch {
    return undefined;
  }
}

function isHandler<Kind extends keyof Handlers>(value: unknown, kind: Kind, type: string): value is Handlers[Kind] {
  const { kind: actualKind, type: actualType, handle } = (value ?? {}) as Partial<Handlers[Kind]>;
  return actualKind === kind && actualType === type && typeof handle === 'function';
}
