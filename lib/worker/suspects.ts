import type { SQSRecord } from 'aws-lambda';
import { deduplicationKey } from '../feishu/event-identity.ts';
import type { IdempotencyStore } from '../store/idempotency.ts';
import { attemptOf, readDelivery } from './processor.ts';

/** A message whose handler may end the function. */
export interface Suspect {
  /**
   * `no outcome`: the function ended during its last delivery, because of its handler or another one in the same batch.
   * `type`: the handler of its type ended the function while it ran in isolation.
   */
  because: 'no outcome' | 'type';
  /** The type of its event. */
  type: string;
  /** The number of this delivery, starting at 1. */
  attempt: number;
  /** How many earlier deliveries ran it in isolation, also without an outcome. */
  isolatedRuns: number;
}

/**
 * Finds the suspects of a batch. Sends a request only if the batch has messages that were delivered before.
 *
 * @returns the suspects by message id
 * @throws DynamoDB's errors, and the signal's reason if it aborts first
 */
export async function findSuspects(
  records: readonly SQSRecord[],
  idempotency: IdempotencyStore,
  signal: AbortSignal,
): Promise<Map<string, Suspect>> {
  const candidates = records.filter(wasDeliveredBefore).flatMap(readCandidate);
  if (candidates.length === 0) return new Map();
  const keys = candidates.map(({ key }) => key);
  const runs = await idempotency.lastRuns(keys, signal);
  const suspects = new Map<string, Suspect>();
  for (const { messageId, key, type, attempt } of candidates) {
    const { state, isolatedRuns } = runs.get(key) ?? { state: 'missing', isolatedRuns: 0 };
    // At the first delivery of a redriven copy, the dead letter's record may exist or not.
    const isSuspect = state === 'unfinished' || (state === 'missing' && attempt > 1);
    if (isSuspect) suspects.set(messageId, { because: 'no outcome', type, attempt, isolatedRuns });
  }
  const harmfulTypes = new Set(
    [...suspects.values()].filter(({ isolatedRuns }) => isolatedRuns > 0).map(({ type }) => type),
  );
  // Stryker disable next-line ConditionalExpression: only saves reading the messages again
  if (harmfulTypes.size === 0) return suspects;
  for (const { messageId, type, attempt } of records.flatMap(readCandidate)) {
    if (!harmfulTypes.has(type) || suspects.has(messageId)) continue;
    suspects.set(messageId, { because: 'type', type, attempt, isolatedRuns: 0 });
  }
  return suspects;
}

/** Treats every message that was delivered before as a suspect, for the case that the records cannot be read. */
export function suspectAll(records: readonly SQSRecord[]): Map<string, Suspect> {
  const candidates = records.filter(wasDeliveredBefore).flatMap(readCandidate);
  return new Map(
    candidates.map(({ messageId, type, attempt }) => [
      messageId,
      { because: 'no outcome', type, attempt, isolatedRuns: 0 },
    ]),
  );
}

function wasDeliveredBefore(record: SQSRecord): boolean {
  return attemptOf(record) > 1 || record.messageAttributes.redriveOf !== undefined;
}

/** Returns an empty list for a malformed message, because it runs no handler. */
function readCandidate(record: SQSRecord) {
  try {
    const { messageId, attempt, envelope, text } = readDelivery(record);
    return [{ messageId, attempt, type: envelope.header.type, key: deduplicationKey(envelope, text) }];
  } catch {
    return [];
  }
}
