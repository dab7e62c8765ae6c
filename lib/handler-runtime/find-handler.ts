import type { ApprovalHandler, CallbackHandler, EventHandler } from '../handler.ts';

type Handlers = {
  v2: EventHandler;
  v1: EventHandler;
  fallback: EventHandler;
  callbacks: CallbackHandler;
  approvals: ApprovalHandler;
};

/**
 * Imports a handler module by its event type. The bundler turns the `import()` of a template string into a closed map.
 * The function throws synchronously for a name that is not in the map, and rejects if a module fails to load.
 */
export type ImportModule = (type: string) => Promise<{ default?: unknown }>;

/** Matches names that stay in their folder. Event types are untrusted input. */
export const MODULE_NAME = /^\w[\w.-]*$/;

/** Returns the folder in `functions/handlers` whose modules take precedence for an envelope version. */
export function folderOfVersion(version: '1.0' | '2.0'): 'v1' | 'v2' {
  return version === '2.0' ? 'v2' : 'v1';
}

/**
 * Finds the user's handler for an event type.
 *
 * @param kind the folder in `functions/handlers`
 * @param type the event type, or the name of an approval's module
 * @returns `undefined` if no module has that name
 * @throws {TypeError} if the module's default export is not a handler for this type
 * @throws what the module throws while it loads
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
  throw new TypeError(`The default export of the ${kind} handler module for "${type}" is not a handler for this type`);
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
  // The name of an approval's module is part of its URL.
  return actualKind === kind && (kind === 'approvals' || actualType === type) && typeof handle === 'function';
}
