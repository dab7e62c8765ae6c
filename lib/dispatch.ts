import { createHash } from 'node:crypto';
import { settleBefore } from './deadline.ts';
import type { EventEnvelope } from './feishu/envelope.ts';
import { Drop, type EventContext, type EventHandler } from './handler.ts';
import { findHandler, type ImportModule } from './handler-modules.ts';
import { toSafeError } from './thrown.ts';

/** How the worker imports the modules of `functions/handlers`. */
export interface EventModules {
  v2: ImportModule;
  v1: ImportModule;
  fallback: ImportModule;
}

/** Finds the handler of an event: the one for its version and type, else the fallback, else none. */
export async function findEventHandler(
  modules: EventModules,
  { header }: EventEnvelope,
): Promise<EventHandler | undefined> {
  const version = header.version === '2.0' ? 'v2' : 'v1';
  return (
    (await findHandler(modules[version], version, header.type)) ??
    (await findHandler(modules.fallback, 'fallback', 'fallback'))
  );
}

/**
 * Runs a handler to its end, or to that of the time.
 *
 * @returns why the handler dropped the event, or `undefined` when it handled it
 * @throws what the handler throws, and the signal's reason when the handler is late
 */
export async function runHandler(
  handler: EventHandler,
  { event }: EventEnvelope,
  context: EventContext,
): Promise<Drop | undefined> {
  try {
    await settleBefore(context.signal, (async () => handler.handle(event as never, context))());
    return undefined;
  } catch (thrown) {
    const error = toSafeError(thrown);
    if (error instanceof Drop) return error;
    throw error;
  }
}

/**
 * Makes the context's `uuid`: 32 characters of the 50 that Feishu's send APIs take.
 *
 * @param key names the event
 */
export function createUuid(key: string): EventContext['uuid'] {
  return (label) =>
    createHash('sha256')
      .update(JSON.stringify([key, label]))
      .digest('hex')
      .slice(0, 32);
}
