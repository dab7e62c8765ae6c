import { parentPort, workerData } from 'node:worker_threads';
import { type CreatedHandler, createdHandlers } from './created-handlers.ts';
import { isHandler, mockModule, mockPackage } from './mock-package.ts';

// Runs in the thread that loads handler modules, bundled with them by load-handlers.ts.

/** A module's default export. */
export type Exported =
  | { is: 'handler'; kind: string; type: string }
  /** From a package, which is mocked. */
  | { is: 'unknown' }
  | { is: 'nothing' }
  /** For example "a value of type function". */
  | { is: 'other'; what: string }
  /** The module could not be loaded. */
  | { is: 'failed'; reason: string };

/** What a module exports for the app's configuration: lists of names. */
export interface Declarations {
  /** The scopes that the handler needs. */
  scopes?: string[] | 'invalid';
  /** The events that only the fallback receives. */
  events?: string[] | 'invalid';
}

export interface LoadedModule {
  exported: Exported;
  declared: Declarations;
  /** By this module and the modules it is the first to import. */
  created: CreatedHandler[];
}

interface Module {
  default?: unknown;
  scopes?: unknown;
  events?: unknown;
}

/**
 * Loads the modules in order, starting at `workerData.first`, and reports the result of each.
 *
 * @public imported by the bundle that load-handlers.ts generates
 */
export async function loadModules(imports: (() => Promise<Module>)[]): Promise<void> {
  // Loading a module must not reach the network.
  Object.assign(globalThis, { fetch: mockPackage, WebSocket: mockPackage, EventSource: mockPackage });
  const { first } = workerData as { first: number };
  for (const [index, load] of imports.entries()) {
    if (index < first) continue;
    const loaded = await load().then(describe, describeFailure);
    parentPort?.postMessage({ ...loaded, created: createdHandlers.splice(0) } satisfies LoadedModule);
  }
  // A module's timers or servers would keep the thread alive.
  process.exit();
}

function describe(module: Module): Pick<LoadedModule, 'exported' | 'declared'> {
  return {
    exported: describeHandler(module),
    declared: {
      ...('scopes' in module && { scopes: readNames(module.scopes) }),
      ...('events' in module && { events: readNames(module.events) }),
    },
  };
}

function readNames(value: unknown): string[] | 'invalid' {
  const isList = Array.isArray(value) && value.every((name) => typeof name === 'string' && /^[\w.:-]+$/.test(name));
  return isList ? value : 'invalid';
}

function describeHandler(module: Module): Exported {
  if (!('default' in module)) return { is: 'nothing' };
  const { default: value } = module;
  if (isMock(value)) return { is: 'unknown' };
  if (!isHandler(value)) return { is: 'other', what: value == null ? `${value}` : `a value of type ${typeof value}` };
  if (isMock(value.type)) return { is: 'unknown' };
  return { is: 'handler', kind: value.kind, type: String(value.type) };
}

function isMock(value: unknown): boolean {
  return value === mockPackage || value === mockModule;
}

function describeFailure(error: unknown): Pick<LoadedModule, 'exported' | 'declared'> {
  const [firstLine] = String(error).split('\n');
  return { exported: { is: 'failed', reason: `it throws ${firstLine}` }, declared: {} };
}
