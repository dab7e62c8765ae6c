import type { Context, SQSRecord } from 'aws-lambda';
import { settleBefore, startDeadline } from './deadline.ts';
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
 * run in isolation: after everything else has been deleted from the queue, and one at a time. Those that ended the
 * process when they ran alone come last, so that each of them holds the others up once.
 *
 * @returns the messages that failed or were not delivered
 */
export async function deliverBatch(batch: Batch, actions: BatchActions): Promise<SQSRecord[]> {
  const { suspects, context } = batch;
  const lanes = toLanes(batch);
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

  const halfMilliseconds = context.getRemainingTimeInMillis() / 2;
  const others = Promise.all(lanes.map(deliverUntilSuspect));
  if (suspects.size > 0) {
    // A slow event must not use up the time of the suspects in each of their deliveries: the first always gets half.
    await waitAtMost(halfMilliseconds, others);
    for (let isFirst = true; ; isFirst = false) {
      const [lane] = lanes.filter((one) => one.length > 0 && !running.has(one)).toSorted(byHarm(suspects));
      // Half of the usual time: one that is cut off would count as failed.
      const hasTime = isFirst || context.getRemainingTimeInMillis() >= halfMilliseconds;
      if (lane === undefined || !hasTime) break;
      if (delivered.length > 0) await actions.remove(delivered.splice(0));
      await deliverNext(lane);
    }
  }
  await others;
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

/**
 * Orders lanes by the harm their next message may do: those that waited behind a suspect, then those whose events' type
 * has ended no process by itself, then by how often this message has. Of equals, the one with the fewest deliveries left
 * comes first.
 */
function byHarm(suspects: ReadonlyMap<string, Suspect>) {
  const all = [...suspects.values()];
  const harmfulTypes = new Set(all.filter(({ isolatedRuns }) => isolatedRuns > 0).map(({ type }) => type));
  const rank = ([record]: Lane): [number, number, number] => {
    const suspect = record && suspects.get(record.messageId);
    if (suspect === undefined) return [0, 0, 0];
    return [harmfulTypes.has(suspect.type) ? 2 : 1, suspect.isolatedRuns, -suspect.attempt];
  };
  return (one: Lane, other: Lane): number => {
    const difference = rank(one).map((value, index) => value - (rank(other)[index] as number));
    return difference.find((value) => value !== 0) ?? 0;
  };
}
