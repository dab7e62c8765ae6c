import type { Context, SQSRecord } from 'aws-lambda';
import { createLazyClient } from '../api-client/feishu-client.ts';
import type { FindCallSlots } from '../api-client/shared-call-slots.ts';
import type { SharedToken } from '../api-client/shared-token.ts';
import { createUuid } from '../api-client/uuid.ts';
import type { Environment } from '../config.ts';
import { CALLBACK_TYPES, type EventEnvelope, parseEnvelope } from '../feishu/envelope.ts';
import { chatOf, deduplicationKey } from '../feishu/event-identity.ts';
import { Continue, type EventHandler, type Log } from '../handler.ts';
import type { Outcome } from '../observability/diagnostics-channels.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { decodeMessage, type QueuedEvent } from '../queue/message.ts';
import type { AppTickets } from '../store/app-tickets.ts';
import type { Continuation, Continuations } from '../store/continuations.ts';
import type { IdempotencyStore } from '../store/idempotency.ts';
import type { Redrives } from '../store/redrives.ts';
import type { StreamStates } from '../store/stream-states.ts';
import { startDeadline } from '../util/deadline.ts';
import { type EventModules, findEventHandler, runHandler } from './dispatch.ts';
import { createRunStreams } from './reply-streams.ts';
import { MAXIMUM_DELIVERIES } from './retry.ts';
import { findSelfTestHandler } from './self-test.ts';
import type { ExplainUnhandled } from './unhandled-events.ts';

/** One delivery of a queue message, parsed. */
export interface Delivery extends QueuedEvent {
  messageId: string;
  /** The number of this attempt, starting at 1. */
  attempt: number;
  envelope: EventEnvelope;
}

/** The result of a delivery that did not fail. */
export interface ProcessingResult {
  outcome: Exclude<Outcome, 'retrying' | 'limited' | 'continued'>;
  /** Why the event was dropped, is a duplicate, or has no handler that processes it from the queue. */
  reason?: string;
}

export interface Invocation {
  context: Context;
  /** Aborts when only the time to report the batch is left. */
  signal: AbortSignal;
  /** How many deliveries ran the event in isolation, including this one. `undefined` if this one does not. */
  isolatedRuns?: number | undefined;
  /** Whether earlier deliveries of the message did not count as attempts. */
  wasReturned?: boolean;
}

/** Erasing a state must not delay the report of the batch. The state also expires. */
const ERASE_WITHIN_MILLISECONDS = 500;

/**
 * Parses a queue message.
 *
 * @param callbackTypes the types that are callbacks
 * @throws {MalformedMessage} if the intake did not write it; retrying does not help
 */
export function readDelivery(record: SQSRecord, callbackTypes = CALLBACK_TYPES): Delivery {
  try {
    const event = decodeMessage(record);
    const envelope = parseEnvelope(event.text, callbackTypes);
    if (envelope.kind === 'url-verification') throw new TypeError('A URL verification is never queued');
    return { ...event, messageId: record.messageId, attempt: attemptOf(record), envelope };
  } catch (cause) {
    throw new MalformedMessage((cause as Error).message, { cause });
  }
}

/** Returns the number of a message's delivery, or of its attempt if `lib/worker/attempts.ts` counted them, from 1. */
export function attemptOf({ attributes }: SQSRecord): number {
  return Number(attributes.ApproximateReceiveCount);
}

/** What {@link createProcessor} uses. */
export interface ProcessorParts {
  modules: EventModules;
  idempotency: IdempotencyStore;
  redrives: Redrives;
  continuations: Continuations;
  /** `undefined` if handlers do not stream replies. */
  streamStates?: StreamStates | undefined;
  environment: Environment;
  /** `undefined` for a self-built app. */
  appTickets?: AppTickets | undefined;
  /** `undefined` for a store app. */
  sharedToken?: SharedToken | undefined;
  /** The times of API calls. `undefined` to call at once. */
  findCallSlots?: FindCallSlots | undefined;
  explainUnhandled: ExplainUnhandled;
}

/**
 * Creates the function that processes one delivery: it runs the event's handler, at most once to completion.
 *
 * @returns a function that throws what the handler throws, and the errors of {@link IdempotencyStore.once}. If it throws
 *   a {@link Continue}, the state is stored
 */
export function createProcessor({
  modules,
  idempotency,
  redrives,
  continuations,
  streamStates,
  environment,
  appTickets,
  sharedToken,
  findCallSlots,
  explainUnhandled,
}: ProcessorParts) {
  const eraseState = async (key: string, log: Log) => {
    using deadline = startDeadline(ERASE_WITHIN_MILLISECONDS);
    await continuations.erase(key, deadline.signal).catch((error: unknown) => {
      log.warn('The state of the event could not be erased. It expires after 30 days', { error });
    });
  };

  return async (delivery: Delivery, invocation: Invocation, log: Log): Promise<ProcessingResult> => {
    const { context, signal, isolatedRuns, wasReturned } = invocation;
    const { envelope, messageId, redriveOf } = delivery;
    // Keyed by the dead letter, because the event's idempotency record may have expired before the redrive.
    if (redriveOf !== undefined && (await redrives.recordSuccessor(redriveOf, messageId)) !== messageId) {
      return { outcome: 'duplicate', reason: 'Another copy has already replaced the dead letter' };
    }
    const isAppTicket = await appTickets?.store(envelope, delivery.receivedAt);
    const findHandler = async () =>
      findSelfTestHandler(envelope) ?? (await findEventHandler(modules, envelope, { log, signal }));
    const key = deduplicationKey(envelope, delivery.text);
    const mayHaveContinued = redriveOf !== undefined || delivery.attempt > 1 || wasReturned;
    let continuation: Continuation | undefined;
    let reason: string | undefined;
    const run = async (handler: EventHandler | undefined, isRepeated = false): Promise<ProcessingResult['outcome']> => {
      if (handler === undefined && isAppTicket) return 'handled';
      if (handler === undefined) {
        reason = explainUnhandled(envelope, log);
        return envelope.kind === 'callback' ? 'answered' : 'unhandled';
      }
      const mayHaveRun = isRepeated || mayHaveContinued;
      if (mayHaveRun) continuation = await continuations.read(key, signal);
      const drop = await runHandler(handler, delivery, {
        source: delivery.source,
        attempt: delivery.attempt,
        log,
        signal,
        feishu: createLazyClient(
          environment,
          log,
          appTickets && { tickets: appTickets, tenant: envelope.header.tenant },
          { remainingMilliseconds: () => context.getRemainingTimeInMillis(), signal },
          findCallSlots?.({ chat: chatOf(envelope), tenant: appTickets && envelope.header.tenant, log }),
          sharedToken,
        ),
        uuid: createUuid(key),
        continued: continuation && { state: JSON.parse(continuation.stateJson), count: continuation.count },
        streams: streamStates && createRunStreams(streamStates, key, mayHaveRun),
      }).catch(async (error: unknown) => {
        if (error instanceof Continue) await storeState(error);
        throw error;
      });
      reason = drop?.message;
      return drop === undefined ? 'handled' : 'dropped';
    };
    // While this delivery holds the event's lease.
    const storeState = async ({ stateJson }: Continue) => {
      const next = { stateJson, count: (continuation?.count ?? 0) + 1 };
      await continuations.write(key, next, signal);
    };
    const isLastDelivery = delivery.attempt >= MAXIMUM_DELIVERIES;
    const once = (work: (isRepeated: boolean) => Promise<ProcessingResult['outcome']>) =>
      idempotency.once(key, { messageId, isLastDelivery, isolatedRuns, context, signal }, work);

    let outcome: ProcessingResult['outcome'];
    if (isolatedRuns !== undefined) {
      // Writes the record first, so that this run counts even if loading the handler's module ends the process.
      outcome = await once(async (isRepeated) => run(await findHandler(), isRepeated));
    } else {
      const handler = await findHandler().catch(async (error: unknown) => {
        await idempotency.recordFailure(key, messageId);
        throw error;
      });
      // Without a handler nothing can take effect twice, so no record is needed.
      outcome = handler === undefined ? await run(handler) : await once((isRepeated) => run(handler, isRepeated));
    }
    if (continuation !== undefined) await eraseState(key, log);
    return { outcome, ...(reason !== undefined && { reason }) };
  };
}
