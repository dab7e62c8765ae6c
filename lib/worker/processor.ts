import type { Context, SQSRecord } from 'aws-lambda';
import type { Environment } from '../config.ts';
import { type EventEnvelope, parseEnvelope } from '../feishu/envelope.ts';
import { deduplicationKey } from '../feishu/event-identity.ts';
import type { EventHandler, Log } from '../handler.ts';
import type { Outcome } from '../observability/diagnostics-channels.ts';
import { shorten } from '../observability/log-text.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { decodeMessage, type QueuedEvent } from '../queue/message.ts';
import type { AppTickets } from '../store/app-tickets.ts';
import type { IdempotencyStore } from '../store/idempotency.ts';
import type { Redrives } from '../store/redrives.ts';
import { createUuid, type EventModules, findEventHandler, runHandler } from './dispatch.ts';
import { createLazyClient } from './feishu-client.ts';
import { MAXIMUM_DELIVERIES } from './retry.ts';
import { findSelfTestHandler } from './self-test.ts';

/** One delivery of a queue message, read. */
export interface Delivery extends QueuedEvent {
  messageId: string;
  /** How often the queue has delivered the message, from 1. */
  attempt: number;
  envelope: EventEnvelope;
}

/** What became of a delivery that did not fail. */
export interface ProcessingResult {
  outcome: Exclude<Outcome, 'retrying'>;
  /** Why it was dropped. */
  reason?: string;
}

export interface Invocation {
  context: Context;
  /** Aborts when only the time to report what was done is left. */
  signal: AbortSignal;
  /** How many deliveries ran the event in isolation, with this one; `undefined`: this one does not. */
  isolatedRuns?: number | undefined;
}

/**
 * Reads a queue message.
 *
 * @throws {MalformedMessage} when it is none that the intake wrote: it cannot be handled, now or later
 */
export function readDelivery(record: SQSRecord): Delivery {
  try {
    const event = decodeMessage(record);
    const envelope = parseEnvelope(event.text);
    if (envelope.kind === 'url-verification') throw new TypeError('A URL verification is never queued');
    return { ...event, messageId: record.messageId, attempt: attemptOf(record), envelope };
  } catch (cause) {
    throw new MalformedMessage((cause as Error).message, { cause });
  }
}

/** How often the queue has delivered a message, from 1. */
export function attemptOf({ attributes }: SQSRecord): number {
  return Number(attributes.ApproximateReceiveCount);
}

/**
 * Makes the function that brings an event to its handler, once.
 *
 * @param appTickets of a store app; `undefined`: a self-built app
 * @returns rejects with what the handler threw, or when the claim could not be had
 */
export function createProcessor(
  modules: EventModules,
  claims: IdempotencyStore,
  redrives: Redrives,
  environment: Environment,
  appTickets: AppTickets | undefined,
) {
  return async (delivery: Delivery, invocation: Invocation, log: Log): Promise<ProcessingResult> => {
    const { context, signal, isolatedRuns } = invocation;
    const { envelope, messageId, redriveOf } = delivery;
    // Told by the dead letter, not by the event: a claim may have ended by the time of the redrive.
    if (redriveOf !== undefined && (await redrives.settle(redriveOf, messageId)) !== messageId) {
      return { outcome: 'duplicate', reason: 'Another copy took the place of the dead letter' };
    }
    const isAppTicket = await appTickets?.keep(envelope, delivery.receivedAt);
    const findHandler = async () =>
      findSelfTestHandler(envelope) ?? (await findEventHandler(modules, envelope, { log, signal }));
    const key = deduplicationKey(envelope, delivery.text);
    let reason: string | undefined;
    const run = async (handler: EventHandler | undefined): Promise<ProcessingResult['outcome']> => {
      if (handler === undefined && isAppTicket) return 'handled';
      if (handler === undefined) {
        reason = reasonOfUnhandled(envelope);
        return 'unhandled';
      }
      const drop = await runHandler(handler, envelope, {
        header: envelope.header,
        source: delivery.source,
        attempt: delivery.attempt,
        log,
        signal,
        feishu: createLazyClient(
          environment,
          log,
          appTickets && { tickets: appTickets, tenant: envelope.header.tenant },
        ),
        uuid: createUuid(key),
      });
      reason = drop?.message;
      return drop === undefined ? 'handled' : 'dropped';
    };
    const isLastDelivery = delivery.attempt >= MAXIMUM_DELIVERIES;
    const once = (work: () => Promise<ProcessingResult['outcome']>) =>
      claims.once(key, { messageId, isLastDelivery, isolatedRuns, context, signal }, work);

    let outcome: ProcessingResult['outcome'];
    if (isolatedRuns !== undefined) {
      // The record comes first: it counts this run even if the process ends while the handler's module loads.
      outcome = await once(async () => run(await findHandler()));
    } else {
      const handler = await findHandler().catch(async (error: unknown) => {
        await claims.recordFailure(key, messageId);
        throw error;
      });
      // Without a handler nothing can be done twice, so that no record is needed.
      outcome = handler === undefined ? await run(handler) : await once(() => run(handler));
    }
    return { outcome, ...(reason !== undefined && { reason }) };
  };
}

function reasonOfUnhandled({ kind, header }: EventEnvelope): string {
  const folder = header.version === '2.0' ? 'v2' : 'v1';
  const type = shorten(header.type);
  const advice = `add functions/handlers/${folder}/${type}.ts or functions/handlers/fallback.ts`;
  if (kind === 'callback') return `It was answered when it came. To go on with it behind the queue, ${advice}`;
  return `There is no handler for ${type}: ${advice}`;
}
