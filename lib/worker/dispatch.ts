import { rateLimitSeconds } from '../api-client/rate-limits.ts';
import type { EventEnvelope } from '../feishu/envelope.ts';
import { Continue, Drop, type EventContext, type EventHandler } from '../handler.ts';
import { findHandler, folderOfVersion, type ImportModule } from '../handler-runtime/find-handler.ts';
import { type EventMembers, type ReceivedEvent, readHandlerInput } from '../handler-runtime/handler-input.ts';
import { runInScope } from '../handler-runtime/handler-scope.ts';
import { handlerChannel } from '../observability/diagnostics-channels.ts';
import { startDeadline } from '../util/deadline.ts';
import type { RunStreams } from './reply-streams.ts';
import { MAXIMUM_DELIVERIES } from './retry.ts';

/** Closing the streamed replies of a failed run must not delay the other events of the batch for long. */
const STOP_WITHIN_MILLISECONDS = 5000;
/** When only the time to report the batch is left. */
const STOP_LATE_WITHIN_MILLISECONDS = 400;

/** The functions that import the modules of `functions/handlers`. */
export interface EventModules {
  v2: ImportModule;
  v1: ImportModule;
  fallback: ImportModule;
}

/**
 * Finds the handler of an event: the one for its type, otherwise the fallback if it accepts the event, otherwise none.
 *
 * The version of the envelope only decides which of two modules takes precedence, because the SDKs register some types
 * as v1.0 that arrive in a v2.0 envelope.
 *
 * @throws what the module throws while it loads, and the signal's reason if it aborts first
 */
export function findEventHandler(
  modules: EventModules,
  envelope: EventEnvelope,
  context: Pick<EventContext, 'log' | 'signal'>,
): Promise<EventHandler | undefined> {
  const { header } = envelope;
  const folder = folderOfVersion(header.version);
  const otherFolder = folder === 'v2' ? 'v1' : 'v2';
  return runInScope(
    context,
    async () =>
      (await findHandler(modules[folder], folder, header.type)) ??
      (await findHandler(modules[otherFolder], otherFolder, header.type)) ??
      (await findFallback(modules, envelope)),
  );
}

async function findFallback(modules: EventModules, envelope: EventEnvelope): Promise<EventHandler | undefined> {
  const fallback = await findHandler(modules.fallback, 'fallback', 'fallback');
  return fallback?.accepts?.(envelope) === false ? undefined : fallback;
}

/**
 * Runs a handler until it ends or the signal aborts.
 *
 * @returns the `Drop` that the handler threw, or `undefined` if it handled the event
 * @throws what the handler throws, an error that escapes it while it runs, and the signal's reason if it aborts first
 */
export async function runHandler(
  handler: EventHandler,
  event: ReceivedEvent,
  context: Omit<EventContext, EventMembers> & { readonly streams?: RunStreams | undefined },
): Promise<Drop | undefined> {
  const { payload, members } = readHandlerInput(handler, event);
  const { streams } = context;
  try {
    await handlerChannel.runStores({ eventId: event.envelope.header.id }, () =>
      runInScope(context, async (signal) => {
        await handler.handle(payload as never, { ...members, ...context, signal } as EventContext<never>);
        await streams?.endAll(context);
      }),
    );
    return undefined;
  } catch (error) {
    if (error instanceof Drop) {
      await streams?.stopAll('failed', context, context.signal);
      return error;
    }
    const isReturned = error instanceof Continue || rateLimitSeconds(error) !== undefined;
    const isLast = context.attempt >= MAXIMUM_DELIVERIES && !isReturned;
    // If this does not succeed in the last attempt, `lib/worker/used-up-streams.ts` closes them.
    using deadline = startDeadline(context.signal.aborted ? STOP_LATE_WITHIN_MILLISECONDS : STOP_WITHIN_MILLISECONDS);
    if (error instanceof Continue) await streams?.showAll(context, deadline.signal);
    await streams?.stopAll(isLast ? 'failed' : 'interrupted', context, deadline.signal);
    throw error;
  }
}
