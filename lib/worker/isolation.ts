import type { Context, SQSRecord } from 'aws-lambda';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import type { Suspect } from './suspects.ts';

export interface Batch {
  records: readonly SQSRecord[];
  /** Whether the messages of a group are processed in order. */
  isFifo: boolean;
  /** Suspects by message id. */
  suspects: ReadonlyMap<string, Suspect>;
  context: Context;
}

/** What the worker does with the messages of a batch. No action throws. */
export interface BatchActions {
  /** Processes a message. Returns `undefined`, or if it failed, the seconds until its retry. */
  deliver(record: SQSRecord, suspect: Suspect | undefined): Promise<number | undefined>;
  /** Deletes processed messages, because the function may end before it reports the batch. */
  remove(records: readonly SQSRecord[]): Promise<void>;
  /** Returns a message to the queue that must wait for a failed message of its group. */
  postpone(record: SQSRecord, seconds: number): Promise<void>;
  /** Returns a message to the queue that there is no time left for. */
  skip(record: SQSRecord, seconds: number): Promise<void>;
}

/** Messages that are processed in order: on a FIFO queue those of a group, otherwise a single one. */
type Lane = SQSRecord[];

/**
 * Processes a batch so that a handler that ends the process only delays the other events of its batch. Suspects run in
 * isolation, one at a time. Before each starts, processed messages are deleted from the queue. The order is:
 *
 * 1. Suspects that were delivered several times and never ended the process in isolation. They are most likely
 *    innocent, and must not lose another delivery to a new event that ends the process.
 * 2. All events that are not suspects, concurrently.
 * 3. The other suspects. Those that ended the process in isolation run last, so that each delays the others only once.
 *
 * @returns the messages that failed or were not processed
 */
export async function deliverBatch(batch: Batch, actions: BatchActions): Promise<SQSRecord[]> {
  const { suspects, context } = batch;
  const lanes = toLanes(batch);
  const harmOf = createHarmScale(suspects);
  const running = new Set<Lane>();
  const failed: SQSRecord[] = [];
  const delivered: SQSRecord[] = [];

  const deliverNext = async (lane: Lane) => {
    const record = lane.shift() as SQSRecord;
    const seconds = await actions.deliver(record, suspects.get(record.messageId));
    if (seconds === undefined) {
      delivered.push(record);
      return;
    }
    // A FIFO queue blocks a group while one of its messages is hidden, so the rest waits with the failed message.
    const rest = lane.splice(0);
    failed.push(record, ...rest);
    for (const waiting of rest) await actions.postpone(waiting, seconds);
  };

  const deliverUntilSuspect = async (lane: Lane) => {
    running.add(lane);
    while (lane[0] !== undefined && !suspects.has(lane[0].messageId)) await deliverNext(lane);
    running.delete(lane);
  };

  const removeDelivered = async () => {
    if (delivered.length > 0) await actions.remove(delivered.splice(0));
  };

  const isLikelyInnocent = ([record]: Lane) => {
    const suspect = record && suspects.get(record.messageId);
    return suspect !== undefined && suspect.attempt > 2 && harmOf([record as SQSRecord])[0] === Harm.unknown;
  };
  const hasInnocents = lanes.some(isLikelyInnocent);

  const halfMilliseconds = context.getRemainingTimeInMillis() / 2;
  /** A suspect starts only with at least half of the time left, because a timeout would count as a failure. */
  const deliverAlone = async (isIncluded: (lane: Lane) => boolean) => {
    for (let mustStart = !hasInnocents; ; mustStart = false) {
      const waiting = lanes.filter((lane) => lane.length > 0 && !running.has(lane) && isIncluded(lane));
      const [lane] = waiting.toSorted((one, other) => compare(harmOf(one), harmOf(other)));
      const hasTime = context.getRemainingTimeInMillis() >= halfMilliseconds;
      if (lane === undefined || !(hasTime || mustStart)) return;
      await removeDelivered();
      running.add(lane);
      await deliverNext(lane);
      running.delete(lane);
    }
  };

  const innocents = deliverAlone(isLikelyInnocent).then(removeDelivered);
  // A slow event must not use up the time of the others in each of their deliveries.
  await waitAtMost(halfMilliseconds, innocents);
  const others = Promise.all(lanes.filter((lane) => !running.has(lane)).map(deliverUntilSuspect));
  await (hasInnocents ? others : waitAtMost(halfMilliseconds, others));
  await deliverAlone(() => true);
  await Promise.all([innocents, others]);
  const remaining = lanes.filter((lane) => lane.length > 0);
  // Staggered, so that other workers receive them one by one.
  await Promise.all(remaining.flatMap((lane, index) => lane.map((record) => actions.skip(record, index + 1))));
  return [...failed, ...remaining.flat()];
}

function toLanes({ records, isFifo }: Batch): Lane[] {
  const groups = Map.groupBy(records, ({ messageId, attributes }) => (isFifo ? attributes.MessageGroupId : messageId));
  return [...groups.values()];
}

async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  using deadline = startDeadline(milliseconds);
  await rejectOnAbort(deadline.signal, work).catch(() => {});
}

const Harm = { none: 0, unknown: 1, likely: 2 } as const;
/** Compared in this order. `isolatedRuns` counts how often the message ended the process in isolation. */
type HarmScale = [harm: number, isolatedRuns: number, minusAttempts: number];

/**
 * Creates a function that rates how likely the next message of a lane ends the process: a message behind a suspect is
 * harmless, one of a type that ended the process in isolation is likely harmful. Among equals, the message with the
 * fewest deliveries left comes first.
 */
function createHarmScale(suspects: ReadonlyMap<string, Suspect>): (lane: Lane) => HarmScale {
  const all = [...suspects.values()];
  const harmfulTypes = new Set(all.filter(({ isolatedRuns }) => isolatedRuns > 0).map(({ type }) => type));
  return ([record]) => {
    const suspect = record && suspects.get(record.messageId);
    if (suspect === undefined) return [Harm.none, 0, 0];
    const { type, isolatedRuns, attempt } = suspect;
    return [harmfulTypes.has(type) ? Harm.likely : Harm.unknown, isolatedRuns, -attempt];
  };
}

function compare(one: HarmScale, other: HarmScale): number {
  const differences = one.map((value, index) => value - (other[index] as number));
  return differences.find((difference) => difference !== 0) ?? 0;
}
