import type { SQSRecord } from 'aws-lambda';
import type { LargeEvents } from '../queue/large-events.ts';
import { storedKeyOf, withStoredText } from '../queue/stored-text.ts';
import { rejectOnAbort } from '../util/deadline.ts';

/** An event in S3 could not be read. It is retried like one whose handler failed. */
class StoredEventUnavailable extends Error {
  override readonly name = 'StoredEventUnavailable';
}

/** The messages of a batch, with their events. */
export interface LoadedBatch {
  /** In the order of the batch. */
  records: SQSRecord[];
  /** By message id, why the event of a message could not be loaded. */
  failures: ReadonlyMap<string, Error>;
}

/**
 * Loads the events of a batch that are stored in S3 because they are too large for a queue message. Sends no request if
 * there are none. An event that cannot be loaded does not affect the others.
 *
 * @param open opens the bucket of large events
 * @param signal aborts when the other events must start
 */
export async function loadStoredEvents(
  records: readonly SQSRecord[],
  open: () => LargeEvents,
  signal: AbortSignal,
): Promise<LoadedBatch> {
  const failures = new Map<string, Error>();
  const load = async (record: SQSRecord): Promise<SQSRecord> => {
    const key = storedKeyOf(record);
    if (key === undefined) return record;
    try {
      return withStoredText(record, await rejectOnAbort(signal, open().read(key, signal)));
    } catch (cause) {
      const message = `The event is stored in S3, but could not be read: ${(cause as Error).message}`;
      failures.set(record.messageId, new StoredEventUnavailable(message, { cause }));
      return record;
    }
  };
  return { records: await Promise.all(records.map(load)), failures };
}
