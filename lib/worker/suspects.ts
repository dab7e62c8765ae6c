import type { SQSRecord } from 'aws-lambda';
import { deduplicationKey } from '../feishu/event-identity.ts';
import type { IdempotencyStore } from '../store/idempotency.ts';
import { attemptOf, readDelivery } from './processor.ts';

/** A message that may end the function if it is delivered. */
export interface Suspect {
  /**
   * `no outcome`: the function ended during its last delivery, because of its handler or of another's in the same batch.
   * `type`: the handler of its type ended the function when it ran alone.
   */
  because: 'no outcome' | 'type';
  /** Of its event. */
  type: string;
  /** From 1. */
  attempt: number;
  /** How many earlier deliveries ran it in isolation, and left no outcome either. */
  isolatedRuns: number;
}

/**
 * Finds the suspects of a batch. It takes a request only if there are messages that were delivered before.
 *
 * @returns by message id
 * @throws DynamoDB's errors, and the signal's reason
 */
export async function findSuspects(
  records: readonly SQSRecord[],
  claims: IdempotencyStore,
  signal: AbortSignal,
): Promise<Map<string, Suspect>> {
  const candidates = records.filter(wasDeliveredBefore).flatMap(readCandidate);
  if (candidates.length === 0) return new Map();
  const keys = candidates.map(({ key }) => key);
  const runs = await claims.lastRuns(keys, signal);
  const suspects = new Map<string, Suspect>();
  for (const { messageId, key, type, attempt } of candidates) {
    const { state, isolatedRuns } = runs.get(key) ?? { state: 'missing', isolatedRuns: 0 };
    // The first delivery of a copy that replaces a dead letter may find a record, and need not.
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

/** Suspects every message of a batch that was delivered before, for when their records cannot be read. */
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

/** Without a malformed message: it runs no handler. */
function readCandidate(record: SQSRecord) {
  try {
    const { messageId, attempt, envelope, text } = readDelivery(record);
    return [{ messageId, attempt, type: envelope.header.type, key: deduplicationKey(envelope, text) }];
  } catch {
    return [];
  }
}
