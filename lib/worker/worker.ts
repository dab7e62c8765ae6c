import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { rateLimitSeconds } from '../api-client/rate-limits.ts';
import { createSharedCallSlots } from '../api-client/shared-call-slots.ts';
import { createSharedToken } from '../api-client/shared-token.ts';
import { type Environment, isStoreApp, limitsCallRate, readRequired } from '../config.ts';
import { Continue, type Log } from '../handler.ts';
import { callbackTypesOf } from '../handler-runtime/callback-types.ts';
import { CALLBACK_MODULES, HANDLER_MODULES } from '../handler-runtime/handler-modules.ts';
import { errorFields } from '../observability/error-fields.ts';
import { openLargeEvents } from '../queue/large-events.ts';
import { createAppTickets } from '../store/app-tickets.ts';
import { createCallSchedules } from '../store/call-schedules.ts';
import { createContinuations } from '../store/continuations.ts';
import { createFailureReasons } from '../store/failure-reasons.ts';
import { createIdempotencyStore } from '../store/idempotency.ts';
import { createRedrives } from '../store/redrives.ts';
import { createReturns } from '../store/returns.ts';
import { createStoredTokens } from '../store/stored-tokens.ts';
import { createStreamStates } from '../store/stream-states.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { createAttempts } from './attempts.ts';
import { createWorkerClients } from './aws-clients.ts';
import type { EventModules } from './dispatch.ts';
import { deliverBatch } from './isolation.ts';
import { attemptOf, createProcessor, type Invocation, readDelivery } from './processor.ts';
import { createReceivedMessages } from './received-messages.ts';
import { MAXIMUM_DELIVERIES, MAXIMUM_RETURNS, retryDelaySeconds, returnDelaySeconds } from './retry.ts';
import { loadStoredEvents } from './stored-events.ts';
import { findSuspects, type Suspect, suspectAll } from './suspects.ts';
import { createWorkerTelemetry } from './telemetry.ts';
import { createUnhandledExplanation } from './unhandled-events.ts';
import { createStreamCloser } from './used-up-streams.ts';

/** Reserved for releasing leases and reporting the batch when the handlers have used up the time. */
const REPORT_MILLISECONDS = 2000;
/** Postponing a failed message and recording its failure reason must not delay the report of the batch. */
const CLEAN_UP_WITHIN_MILLISECONDS = 500;
/** Messages not deleted by then lose a delivery if the next event ends the process. */
const REMOVE_WITHIN_MILLISECONDS = 2000;
/** If DynamoDB does not respond, events that were delivered before run in isolation. */
const FIND_SUSPECTS_WITHIN_MILLISECONDS = 3000;

/** Events in S3 that are not read by then are retried. */
const LOAD_EVENTS_WITHIN_MILLISECONDS = 5000;

const ENDED_THE_FUNCTION =
  'The function ended while it ran this event, or another one at the same time: process.exit, out of memory or timeout';

/** Why an event runs in isolation. */
const REASONS: Record<Suspect['because'], string> = {
  'no outcome': ENDED_THE_FUNCTION,
  type: 'The handler of this event type ended the function while it ran another event in isolation',
};

/** An event was not started because other events of the batch used up the time. */
class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

/** Returns why a delivery that ended with a `Continue` counts as a failed attempt. */
function notReturned(returns: number | undefined): Error {
  return new Error(
    returns !== undefined && returns >= MAXIMUM_RETURNS
      ? `The event has continued or waited for a rate limit ${MAXIMUM_RETURNS} times. Each further time counts as a ` +
          'failed delivery. Its state is kept'
      : 'The event continues, but this could not be recorded, so the delivery counts as failed. Its state is kept',
  );
}

/**
 * Creates the queue consumer. It runs the handler of each event in a batch and reports the events that failed, so that
 * they stay in the queue.
 */
export function createWorker(
  modules: EventModules,
  environment: Environment = process.env,
  { dynamo, sqs } = createWorkerClients(),
  telemetry = createWorkerTelemetry(environment),
) {
  const queueUrl = readRequired(environment, 'QUEUE_URL');
  const messages = createReceivedMessages(sqs, queueUrl);
  const tableName = readRequired(environment, 'CLAIMS_TABLE');
  // Opened only if a batch has such an event.
  const openBucket = () => openLargeEvents(readRequired(environment, 'LARGE_EVENTS_BUCKET'), dynamo.config);
  const failureReasons = createFailureReasons(dynamo, tableName);
  const idempotency = createIdempotencyStore(dynamo, tableName);
  const streamStates = createStreamStates(dynamo, tableName);
  const appTickets = isStoreApp(environment) ? createAppTickets(dynamo, tableName) : undefined;
  const processDelivery = createProcessor({
    modules,
    idempotency,
    redrives: createRedrives(dynamo, tableName),
    continuations: createContinuations(dynamo, tableName),
    streamStates,
    environment,
    appTickets,
    sharedToken: isStoreApp(environment) ? undefined : createSharedToken(createStoredTokens(dynamo, tableName)),
    findCallSlots: limitsCallRate(environment)
      ? createSharedCallSlots(createCallSchedules(dynamo, tableName), environment.FEISHU_APP_ID ?? '')
      : undefined,
    explainUnhandled: createUnhandledExplanation(HANDLER_MODULES),
  });
  const closeStreams = createStreamCloser(streamStates, idempotency, environment, appTickets, telemetry.log);
  const attempts = createAttempts(createReturns(dynamo, tableName), telemetry.log);
  const callbackTypes = callbackTypesOf(CALLBACK_MODULES);

  const postpone = async (record: SQSRecord, seconds: number, received: number) => {
    using deadline = startDeadline(CLEAN_UP_WITHIN_MILLISECONDS);
    try {
      await messages.postpone(record, seconds, performance.now() - received, deadline.signal);
    } catch (error) {
      // It is then retried after the queue's visibility timeout.
      telemetry.log.warn('The message could not be postponed', { message_id: record.messageId, error });
    }
  };

  const remove = async (records: readonly SQSRecord[]) => {
    using deadline = startDeadline(REMOVE_WITHIN_MILLISECONDS);
    try {
      const failed = await messages.remove(records, deadline.signal);
      if (failed.length > 0) telemetry.log.warn('SQS did not delete messages', { message_ids: failed });
    } catch (error) {
      telemetry.log.warn('SQS did not delete messages', { message_ids: records.map((one) => one.messageId), error });
    }
  };

  /** Records the failure reason of the last delivery, which `serverless dlq` shows. */
  const recordReason = async (record: SQSRecord, reason: string) => {
    if (attemptOf(record) < MAXIMUM_DELIVERIES) return;
    using deadline = startDeadline(CLEAN_UP_WITHIN_MILLISECONDS);
    const { signal } = deadline;
    try {
      await rejectOnAbort(signal, failureReasons.write(record.messageId, reason, signal));
    } catch (error) {
      telemetry.log.warn('The failure reason could not be stored', { message_id: record.messageId, error });
    }
  };

  const loadEvents = async (records: readonly SQSRecord[]) => {
    using deadline = startDeadline(LOAD_EVENTS_WITHIN_MILLISECONDS);
    return loadStoredEvents(records, openBucket, deadline.signal);
  };

  const suspectsOf = async (records: readonly SQSRecord[]) => {
    using deadline = startDeadline(FIND_SUSPECTS_WITHIN_MILLISECONDS);
    try {
      return await findSuspects(records, idempotency, deadline.signal);
    } catch (error) {
      telemetry.log.warn('Earlier outcomes could not be read. These events run one at a time', { error });
      return suspectAll(records);
    }
  };

  /** @returns the delay if this delivery does not count as a failed attempt, and otherwise only the error to report */
  const returnIfAllowed = async ({ messageId }: SQSRecord, error: unknown, returns: number | undefined) => {
    const limited = rateLimitSeconds(error);
    const isContinue = error instanceof Continue;
    if (limited === undefined && !isContinue) return { error };
    if (!(await attempts.recordReturn(messageId, returns))) return { error: isContinue ? notReturned(returns) : error };
    return { error, seconds: isContinue ? error.afterSeconds : returnDelaySeconds(limited as number, returns ?? 0) };
  };

  const deliver = async (
    record: SQSRecord,
    suspect: Suspect | undefined,
    invocation: Invocation,
    { received, returns, failure }: { received: number; returns: number | undefined; failure: Error | undefined },
  ) => {
    const started = Date.now();
    let log: Log | undefined;
    try {
      if (failure !== undefined) throw failure;
      const delivery = readDelivery(record, callbackTypes);
      log = telemetry.logOf(record, delivery.envelope.header);
      if (suspect) log.warn(`${REASONS[suspect.because]}. It now runs alone`, { isolated_runs: suspect.isolatedRuns });
      const isolatedRuns = suspect && suspect.isolatedRuns + 1;
      const wasReturned = (returns ?? 0) > 0;
      const result = await processDelivery(delivery, { ...invocation, isolatedRuns, wasReturned }, log);
      telemetry.processed(delivery, result, log, started);
      return undefined;
    } catch (thrown) {
      const eventLog = log ?? telemetry.logOf(record);
      const { error, seconds: returned } = await returnIfAllowed(record, thrown, returns);
      if (returned !== undefined) {
        if (error instanceof Continue) telemetry.continued(record, returned, eventLog, started);
        else telemetry.returned(record, error, returned, eventLog, started);
        await postpone(record, returned, received);
        return returned;
      }
      const seconds = retryDelaySeconds(error, attemptOf(record));
      telemetry.failed(record, error, seconds, eventLog, started);
      await Promise.all([postpone(record, seconds, received), recordReason(record, errorFields(error).error)]);
      return seconds;
    }
  };

  const skip = async (record: SQSRecord, seconds: number, received: number) => {
    const error = new NotStarted('Not started because other events of the batch used up the time');
    telemetry.failed(record, error, seconds, telemetry.logOf(record), Date.now());
    await Promise.all([postpone(record, seconds, received), recordReason(record, errorFields(error).error)]);
  };

  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const received = performance.now();
    using deadline = startDeadline(context.getRemainingTimeInMillis() - REPORT_MILLISECONDS);
    const invocation = { context, signal: deadline.signal };
    const counted = await attempts.count(event.Records);
    const isUsedUp = (record: SQSRecord) => attemptOf(record) > MAXIMUM_DELIVERIES;
    const { records, failures } = await loadEvents(counted.records.filter((record) => !isUsedUp(record)));
    // Not run again: SQS moves them to the dead-letter queue.
    const usedUp = counted.records.filter(isUsedUp);
    await Promise.all(
      usedUp.map(async (record) => {
        await closeStreams(record, context);
        await postpone(record, 0, received);
      }),
    );
    const suspects = await suspectsOf(records);
    // Before any of them runs, because the function may end again.
    const suspectRecords = records.filter(({ messageId }) => suspects.has(messageId));
    await Promise.all(suspectRecords.map((record) => recordReason(record, ENDED_THE_FUNCTION)));
    const batch = { records, isFifo: queueUrl.endsWith('.fifo'), suspects, context };
    const failed = await deliverBatch(batch, {
      deliver: (record, suspect) =>
        deliver(record, suspect, invocation, {
          received,
          returns: counted.returns.get(record.messageId),
          failure: failures.get(record.messageId),
        }),
      skip: (record, seconds) => skip(record, seconds, received),
      postpone: (record, seconds) => postpone(record, seconds, received),
      remove,
    });
    telemetry.publish();
    const remaining = [...failed, ...usedUp];
    return { batchItemFailures: remaining.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
