import type { Context, SQSRecord } from 'aws-lambda';
import { settleBefore, startDeadline } from '../util/deadline.ts';
import type { Suspect } from './suspects.ts';

export interface Batch {
  records: readonly SQSRecord[];
  /** Whether the messages of a group are delivered one after the other. */
  isFifo: boolean;
  /** By message id. */
  suspects: ReadonlyMap<string, Suspect>;
  context: Context;
}

/** What is done with the messages of a batch. None of it rejects. */
export interface BatchActions {
  /** @returns `undefined`, or after how many seconds the message comes back because it failed */
  deliver(record: SQSRecord, suspect: Suspect | undefined): Promise<number | undefined>;
  /** Deletes messages that were delivered: the function may end before it reports the batch. */
  remove(records: readonly SQSRecord[]): Promise<void>;
  /** Returns a message that waits for a failed one of its group to the queue. */
  postpone(record: SQSRecord, seconds: number): Promise<void>;
  /** Returns a message to the queue for which there is no time. */
  skip(record: SQSRecord, seconds: number): Promise<void>;
}

/** Messages that are delivered one after the other: on a FIFO queue those of a group, otherwise one. */
type Lane = SQSRecord[];

/**
 * Delivers a batch so that a handler that ends the process costs the other events of its batch a delay at most. Suspects
 * run in isolation, one at a time, and what was delivered before one starts is deleted from the queue:
 *
 * 1. Suspects with several deliveries of which none ended the process by itself. They are innocent, most likely, and
 *    must not lose another delivery to a new event that ends the process.
 * 2. Everything that is no suspect, at once.
 * 3. All other suspects. Those that ended the process by themselves come last, so that each holds the others up once.
 *
 * @returns the messages that failed or were not delivered
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
    // A FIFO queue holds a group back while one of its messages is hidden: the rest waits with the failed message.
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
  /** A suspect starts with half of the time at least: one that is cut off would count as failed. */
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
  // A slow event must not use up the time of the others, in each of their deliveries.
  await waitAtMost(halfMilliseconds, innocents);
  const others = Promise.all(lanes.filter((lane) => !running.has(lane)).map(deliverUntilSuspect));
  await (hasInnocents ? others : waitAtMost(halfMilliseconds, others));
  await deliverAlone(() => true);
  await Promise.all([innocents, others]);
  const left = lanes.filter((lane) => lane.length > 0);
  // At different times, so that other workers get them one by one.
  await Promise.all(left.flatMap((lane, index) => lane.map((record) => actions.skip(record, index + 1))));
  return [...failed, ...left.flat()];
}

function toLanes({ records, isFifo }: Batch): Lane[] {
  const groups = Map.groupBy(records, ({ messageId, attributes }) => (isFifo ? attributes.MessageGroupId : messageId));
  return [...groups.values()];
}

async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  using deadline = startDeadline(milliseconds);
  await settleBefore(deadline.signal, work).catch(() => {});
}

const Harm = { none: 0, unknown: 1, likely: 2 } as const;
/** What comes first decides: a {@link Harm}, how often the message ended the process by itself, minus its attempts. */
type HarmScale = [harm: number, isolatedRuns: number, minusAttempts: number];

/**
 * Tells the harm that a lane's next message may do. A message that waited behind a suspect does none; one of a type that
 * ended the process by itself likely does. Of equals, the one with the fewest deliveries left comes first.
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
