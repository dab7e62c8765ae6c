import { readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { loadHandlers } from '../build/handler-check/load-handlers.ts';
import type { Declarations } from '../build/handler-check/thread.ts';
import { listHandlerModules } from '../build/handler-names.ts';
import { IMPORTED_FILE_LOADERS } from '../build/imported-files.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { callbackTypesOf } from '../handler-runtime/callback-types.ts';
import { CALL_SCOPES } from './known-call-scopes.ts';
import { EVENT_SCOPES, type ScopeChoice } from './known-scopes.ts';
import { findSdkCalls } from './sdk-calls.ts';

/** What the handlers need from the app's configuration on the platform. */
export interface Requirements {
  /** v2.0 events, in alphabetical order like all lists here. */
  events: string[];
  eventsV1: string[];
  callbacks: string[];
  scopes: RequiredScope[];
  /** Events and SDK methods whose scopes are not known: the developer console shows them. */
  unknown: string[];
}

export interface RequiredScope {
  /** One of these is enough. */
  anyOf: ScopeChoice;
  /** The events, methods and modules that need it. */
  neededBy: string[];
}

const LOAD_WITHIN_MILLISECONDS = 5000;
/** Code outside `lib` and not from a plugin, whose modules start with its name and a colon. */
const PROJECT_MODULE = /^(?!lib\/|[\w-]+:).*\.[cm]?[jt]sx?$/;
/** `#feishu-events/messages` in the handlers' bundle. */
const MESSAGES_MODULE = 'lib/messages/message.ts';
/** Sent to every store app without a subscription. */
const APP_TICKET = 'app_ticket';

/**
 * Derives what the app must be configured with from the handler modules: events and callbacks from their names, scopes
 * from {@link EVENT_SCOPES}, {@link CALL_SCOPES} and the modules' `scopes`.
 *
 * @param root the project's folder
 * @throws {BuildFailure} if the handlers cannot be bundled
 * @throws {Error} if a module declares `scopes` or `events` that are not a list of names
 */
export async function deriveRequirements(root: string): Promise<Requirements> {
  const handlers = await realpath(path.join(root, 'functions/handlers'));
  const { modules, callbacks: callbackModules } = await listHandlerModules(handlers);
  const files = (await readdir(handlers)).includes('fallback.ts') ? [...modules, 'fallback'] : modules;
  const { declared, sources } = await loadHandlers({
    files: files.map((name) => path.join(handlers, `${name}.ts`)),
    library: path.join(await realpath(root), 'lib/handler.ts'),
    environment: await readLocalEnvironment(root),
    bundle: { absWorkingDir: await realpath(root), loader: IMPORTED_FILE_LOADERS },
    limitMilliseconds: LOAD_WITHIN_MILLISECONDS,
  });
  const declarations = files.map((name, index) => readDeclarations(name, declared[index] ?? {}));
  const fallbackEvents = declarations.flatMap(({ events }) => events);

  const callbackTypes = callbackTypesOf(callbackModules);
  const named = [...modules.map((name) => name.slice(name.indexOf('/') + 1)), ...fallbackEvents];
  const [callbacks, events] = partition(unique(named), (type) => callbackTypes.has(type));
  // A name with a dot is that of a v2.0 event.
  const [events2, events1] = partition(events, (type) => type.includes('.'));

  const calls = await findCalls(root, sources);
  const scopes = new ScopeList();
  for (const { name, scopes: own } of declarations) for (const scope of own) scopes.add([scope], moduleFile(name));
  for (const type of events2) for (const choice of EVENT_SCOPES.get(type)?.scopes ?? []) scopes.add(choice, type);
  for (const call of calls) for (const choice of CALL_SCOPES.get(call)?.scopes ?? []) scopes.add(choice, call);
  return {
    events: events2,
    eventsV1: events1.filter((type) => type !== APP_TICKET),
    callbacks,
    scopes: scopes.list,
    unknown: [
      ...events2.filter((type) => !EVENT_SCOPES.has(type)),
      ...calls.filter((call) => !CALL_SCOPES.has(call)).map((call) => `feishu.${call}`),
    ],
  };
}

/**
 * Chooses the scopes to request: the first of each choice of which none is granted or requested for another choice.
 *
 * @param granted the scopes that the app already has
 */
export function scopesToRequest(required: readonly RequiredScope[], granted: readonly string[] = []): string[] {
  const chosen = new Set(granted);
  // What has no alternative may satisfy other choices.
  for (const { anyOf } of required.toSorted((one, other) => one.anyOf.length - other.anyOf.length)) {
    if (!anyOf.some((scope) => chosen.has(scope))) chosen.add(anyOf[0]);
  }
  return [...chosen].filter((scope) => !granted.includes(scope)).sort();
}

class ScopeList {
  readonly #byChoice = new Map<string, RequiredScope>();

  add(anyOf: ScopeChoice, reason: string): void {
    const key = anyOf.join();
    const { neededBy } = this.#byChoice.get(key) ?? { neededBy: [] };
    this.#byChoice.set(key, { anyOf, neededBy: unique([...neededBy, reason]) });
  }

  get list(): RequiredScope[] {
    return [...this.#byChoice.values()].toSorted((one, other) => (one.anyOf[0] < other.anyOf[0] ? -1 : 1));
  }
}

function readDeclarations(name: string, { scopes = [], events = [] }: Declarations) {
  if (scopes === 'invalid') {
    throw new Error(
      `\`scopes\` in ${moduleFile(name)} must be a list of names: export const scopes = ['im:chat:read'];`,
    );
  }
  if (events === 'invalid') {
    throw new Error(
      `\`events\` in ${moduleFile(name)} must be a list of names: export const events = ['im.chat.updated_v1'];`,
    );
  }
  if (events.length > 0 && name !== 'fallback') {
    throw new Error(
      `\`events\` in ${moduleFile(name)} has no effect: only fallback.ts receives events of other types. Remove it.`,
    );
  }
  return { name, scopes, events };
}

/** @param sources the modules of the handlers' bundle, relative to `root` */
async function findCalls(root: string, sources: string[]): Promise<string[]> {
  const own = sources.filter((file) => PROJECT_MODULE.test(file) && !/(^|\/)node_modules\//.test(file));
  const usesMessages = sources.includes(MESSAGES_MODULE);
  const found = own.map(async (file) => findSdkCalls(await readFile(path.join(root, file), 'utf8'), usesMessages));
  return unique((await Promise.all(found)).flat());
}

function moduleFile(name: string): string {
  return `functions/handlers/${name}.ts`;
}

function partition<Item>(items: Item[], belongs: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

function unique(names: string[]): string[] {
  return [...new Set(names)].sort();
}
