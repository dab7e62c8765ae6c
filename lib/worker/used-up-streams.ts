import type { Context, SQSRecord } from 'aws-lambda';
import { createLazyClient } from '../api-client/feishu-client.ts';
import { createUuid } from '../api-client/uuid.ts';
import type { Environment } from '../config.ts';
import { deduplicationKey } from '../feishu/event-identity.ts';
import type { Log } from '../handler.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import type { AppTickets } from '../store/app-tickets.ts';
import { type IdempotencyStore, LeaseHeld } from '../store/idempotency.ts';
import type { StreamStates } from '../store/stream-states.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { closeReplies, isUnfinished } from './close-replies.ts';
import { readDelivery } from './processor.ts';
import { createRunStreams } from './reply-streams.ts';

/** The other events of the batch wait for this. */
const CLOSE_WITHIN_MILLISECONDS = 5000;
/** Limits the memory. A forgotten message is only read again. */
const MAXIMUM_CHECKED = 10_000;

/** Ends the work without completing the event. */
class Closed extends Error {}

/**
 * Creates the function that closes the streamed replies of an event whose attempts are used up. If the process ended in
 * the last attempt, nothing else would: the message passes the worker once more, before SQS moves it to the dead-letter
 * queue. See `lib/worker/attempts.ts`.
 *
 * @returns a function that never throws; if it does not succeed, the next delivery repeats it
 */
export function createStreamCloser(
  states: StreamStates,
  idempotency: IdempotencyStore,
  environment: Environment,
  appTickets: AppTickets | undefined,
  log: Log,
) {
  const checked = new Set<string>();

  const close = async (record: SQSRecord, context: Context, signal: AbortSignal) => {
    const { envelope, text, messageId } = readDelivery(record);
    const key = deduplicationKey(envelope, text);
    if (!Object.values(await states.read(key, signal)).some(isUnfinished)) return;
    const feishu = createLazyClient(
      environment,
      log,
      appTickets && { tickets: appTickets, tenant: envelope.header.tenant },
      { remainingMilliseconds: () => context.getRemainingTimeInMillis(), signal },
    );
    // With the lease, because another message with this event may be running, and then its run closes them.
    const work = async (): Promise<never> => {
      const run = await createRunStreams(states, key).begin();
      await closeReplies(run, 'failed', { feishu, uuid: createUuid(key) });
      throw new Closed();
    };
    await idempotency.once(key, { messageId, isLastDelivery: false, context, signal }, work).catch((error: unknown) => {
      if (!(error instanceof Closed)) throw error;
    });
  };

  return async (record: SQSRecord, context: Context): Promise<void> => {
    const { messageId } = record;
    if (checked.has(messageId)) return;
    using deadline = startDeadline(CLOSE_WITHIN_MILLISECONDS);
    try {
      await rejectOnAbort(deadline.signal, close(record, context, deadline.signal));
      if (checked.size >= MAXIMUM_CHECKED) checked.clear();
      checked.add(messageId);
    } catch (error) {
      // Such a message has not run.
      if (error instanceof MalformedMessage || error instanceof LeaseHeld) return;
      log.warn('The streamed replies of a failed event could not be closed', { message_id: messageId, error });
    }
  };
}
