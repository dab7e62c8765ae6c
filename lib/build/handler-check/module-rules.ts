import path from 'node:path';
import type { PartialMessage } from 'esbuild';
import { folderOfVersion, MODULE_NAME } from '../../handler-runtime/find-handler.ts';
import { SAMPLE_TYPES } from '../../samples/samples.ts';
import type { CreatedHandler } from './created-handlers.ts';
import type { Exported } from './thread.ts';

// The rules for handler modules, and the messages for modules that break them.

/** The function that creates each kind of handler. The kind is the handler's folder, or `fallback`. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['v2', 'onEvent'],
  ['v1', 'onEventV1'],
  ['callbacks', 'onCallback'],
  ['fallback', 'onUnhandledEvent'],
]);

/** The functions that create the kinds of handlers in `approvals/`. The name of the module is part of its URL. */
const APPROVAL_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['options', 'onApprovalOptions'],
  ['quick-approval', 'onQuickApproval'],
]);

export interface HandlerFile {
  file: string;
  /** The path shown in messages. */
  name: string;
  kind: string;
  type: string;
}

/** Returns an empty `kind` if the functions do not import the file. */
export function parseName(folder: string, file: string): HandlerFile {
  const relative = path.relative(folder, file).split(path.sep).join('/');
  const name = `functions/handlers/${relative}`;
  if (relative === 'fallback.ts') return { file, name, kind: 'fallback', type: 'fallback' };
  const [, kind = '', type = ''] = /^(v2|v1|callbacks|approvals)\/([^/]+)\.ts$/.exec(relative) ?? [];
  return { file, name, kind, type };
}

export function describeMisplaced({ file, name }: HandlerFile): PartialMessage {
  const places = 'v2/<type>.ts, v1/<type>.ts, callbacks/<type>.ts and approvals/<name>.ts';
  return message(file, `${name} is never called: handlers are ${places}. Move helpers and tests elsewhere.`);
}

/** Reports modules whose name is not that of an event, or in callbacks/ not that of a callback. */
export function describeUncallable({ file, name, kind, type }: HandlerFile): PartialMessage | undefined {
  if (!MODULE_NAME.test(type)) {
    return message(file, `${name} is never called: names consist of letters, digits, "_", "." and "-".`);
  }
  const event = SAMPLE_TYPES.find((sample) => sample.type === type && !sample.isCallback);
  if (kind !== 'callbacks' || event === undefined) return undefined;
  const folder = folderOfVersion(event.version);
  return message(file, `${name} is never called as a callback: ${type} is an event. Move the module to ${folder}/.`);
}

/** A module handles its type in every version of the envelope, so two modules in v1/ and v2/ are ambiguous. */
export function findDuplicates(modules: HandlerFile[]): PartialMessage[] {
  return [...findVersionDuplicates(modules), ...findRouteDuplicates(modules)];
}

/** The framework omits these characters in the names of the routes' resources, so it would create only one route. */
function findRouteDuplicates(modules: HandlerFile[]): PartialMessage[] {
  const approvals = modules.filter(({ kind }) => kind === 'approvals');
  const sameRoute = Map.groupBy(approvals, ({ type }) => type.replaceAll(/[_.]/g, '').toLowerCase());
  return [...sameRoute.values()].flatMap(([first, ...others]) =>
    others.map(({ file, name }) =>
      message(file, `${name} and ${first?.name} differ only in case or in "_" and ".": rename one.`),
    ),
  );
}

function findVersionDuplicates(modules: HandlerFile[]): PartialMessage[] {
  const typesOfVersion2 = new Set(modules.filter(({ kind }) => kind === 'v2').map(({ type }) => type));
  const duplicates = modules.filter(({ kind, type }) => kind === 'v1' && typesOfVersion2.has(type));
  return duplicates.map(({ file, name, type }) =>
    message(
      file,
      `${name} and functions/handlers/v2/${type}.ts handle the same event type, whatever the version of its envelope: remove one.`,
    ),
  );
}

export function describeMismatch(
  { file, name, kind, type }: HandlerFile,
  exported: Exported,
): PartialMessage | undefined {
  const expected = expectedCalls(kind, type).map((call) => `export default ${call}`);
  const advice = `must export one handler: ${expected.join(' or ')}. Put helpers and tests elsewhere.`;
  if (exported.is === 'nothing') return message(file, `${name} has no default export, but ${advice}`);
  if (exported.is === 'other') return message(file, `The default export of ${name} is ${exported.what}. It ${advice}`);
  if (exported.is !== 'handler') return undefined;
  if (exported.kind !== kind) {
    const place = kind === 'fallback' ? 'there' : `in ${kind}/`;
    const functions = kind === 'approvals' ? [...APPROVAL_FUNCTIONS.values()] : [FUNCTIONS.get(kind)];
    const allowed = functions.map((definer) => `${definer}(…)`).join(' or ');
    return message(file, `${name} exports ${functionOf(exported)}(…), but ${place} it must be ${allowed}.`);
  }
  if (exported.type === type || kind === 'approvals') return undefined;
  return message(
    file,
    `${name} handles "${exported.type}", but is named for "${type}": rename it to ${exported.type}.ts.`,
  );
}

function expectedCalls(kind: string, type: string): string[] {
  if (kind === 'approvals') return [...APPROVAL_FUNCTIONS.values()].map((definer) => `${definer}(…)`);
  return [`${FUNCTIONS.get(kind)}(${kind === 'fallback' ? '…' : `'${type}', …`})`];
}

function functionOf({ kind, type }: { kind: string; type: string }): string | undefined {
  return kind === 'approvals' ? APPROVAL_FUNCTIONS.get(type) : FUNCTIONS.get(kind);
}

/** Reports handlers that the module creates but that no module exports. */
export function describeUnused(
  { file, name, kind: folder }: HandlerFile,
  created: CreatedHandler[],
  results: { exported: Exported }[],
): PartialMessage[] {
  const own = created.filter((handler) => handler.file === file);
  // Approvals have no names, so only one of a module's can be the exported one.
  const exportedApproval = folder === 'approvals' ? own.find(({ kind }) => kind === 'approvals') : undefined;
  const isExported = (handler: CreatedHandler) =>
    handler.kind === 'approvals'
      ? handler === exportedApproval
      : results.some(
          ({ exported }) =>
            exported.is === 'handler' && exported.kind === handler.kind && exported.type === handler.type,
        );
  const unused = own.filter((handler) => !isExported(handler));
  return unused.map((handler) => {
    const call = `${functionOf(handler)}(${handler.kind === 'approvals' ? '' : `'${handler.type}', `}…)`;
    return message(file, `${name} also calls ${call}, but must export one handler: the other is never called.`);
  });
}

export function describeUnchecked({ file, name }: HandlerFile, exported: Exported): PartialMessage[] {
  const warn = (reason: string) =>
    message(file, `${name} could not be checked, because ${reason}. It will be checked when its first event arrives.`);
  if (exported.is === 'failed') return [warn(exported.reason)];
  if (exported.is === 'unknown') return [warn('its handler or type comes from a package')];
  return [];
}

export function message(file: string, text: string): PartialMessage {
  return { text, location: { file } };
}
