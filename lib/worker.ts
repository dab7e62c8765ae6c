import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { createAppTickets } from './app-tickets.ts';
import { createClaims } from './claims.ts';
import { type Environment, isStoreApp, readRequired } from './config.ts';
import { settleBefore, startDeadline } from './deadline.ts';
import { attemptOf, createSettler, type Invocation, readDelivery } from './delivery.ts';
import type { EventModules } from './dispatch.ts';
import { errorFields } from './error-fields.ts';
import { createFailureNotes } from './failure-notes.ts';
import type { Log } from './handler.ts';
import { createRedrives } from './redrives.ts';
import { createPostponer, MAXIMUM_DELIVERIES, retryDelaySeconds } from './retry.ts';
import { toSafeError } from './thrown.ts';
import { createWorkerTelemetry } from './worker-telemetry.ts';

/** What reporting the batch and giving claims back take, when the handlers have used up the time. */
const REPORT_MILLISECONDS = 2000;
/** Neither postponing a failed event nor noting why it is dead must keep its batch from being reported. */
const CLEAN_UP_WITHIN_MILLISECONDS = 500;

/** The SDK would wait for as long as DynamoDB is silent, and hold up the whole batch. It tries three times. */
const DYNAMO_TIMEOUTS = { connectionTimeout: 1000, requestTimeout: 3000 };

/** A delivery that failed, after its message was postponed. */
class Postponed extends Error {
  override readonly name = 'Postponed';
  readonly seconds: number;

  constructor(seconds: number, cause: unknown) {
    super(errorFields(cause).error, { cause });
    this.seconds = seconds;
  }
}

/**
 * Makes the function that works the queue: it brings each event of a batch to its handler, and reports those that
 * failed, so that the queue keeps them.
 */
export function createWorker(modules: EventModules, environment: Environment = process.env) {
  const queueUrl = readRequired(environment, 'QUEUE_URL');
  const postpone = createPostponer(queueUrl);
  const claimsTable = readRequired(environment, 'CLAIMS_TABLE');
  const dynamo = new DynamoDBClient({
    requestHandler: { ...DYNAMO_TIMEOUTS, throwOnRequestTimeout: true },
  });
  const notes = createFailureNotes(dynamo, claimsTable);
  const settle = createSettler(
    modules,
    createClaims(dynamo, claimsTable),
    createRedrives(dynamo, claimsTable),
    environment,
    isStoreApp(environment) ? createAppTickets(dynamo, claimsTable) : undefined,
  );
  const telemetry = createWorkerTelemetry(environment);

  const postponeMessage = async (record: SQSRecord, seconds: number) => {
    using deadline = startDeadline(CLEAN_UP_WITHIN_MILLISECONDS);
    try {
      await postpone(record.receiptHandle, seconds, deadline.signal);
    } catch (error) {
      // It then comes back with the queue's own visibility timeout.
      telemetry.log.warn('The message could not be postponed', { message_id: record.messageId, error });
    }
  };

  /** For `serverless dlq`, where a person looks for the reason. */
  const noteLastFailure = async (record: SQSRecord, error: unknown) => {
    if (attemptOf(record) < MAXIMUM_DELIVERIES) return;
    using deadline = startDeadline(CLEAN_UP_WITHIN_MILLISECONDS);
    const { signal } = deadline;
    try {
      await settleBefore(signal, notes.write(record.messageId, errorFields(error).error, signal));
    } catch (error) {
      telemetry.log.warn('The reason of the last failure could not be noted', { message_id: record.messageId, error });
    }
  };

  const deliver = async (record: SQSRecord, invocation: Invocation): Promise<void> => {
    const started = Date.now();
    let log: Log | undefined;
    try {
      const delivery = readDelivery(record);
      log = telemetry.logOf(record, delivery.envelope.header);
      const settlement = await settle(delivery, invocation, log);
      telemetry.settled(delivery, settlement, log, started);
    } catch (thrown) {
      // The handler's module may have thrown while it loaded.
      const error = toSafeError(thrown);
      const seconds = retryDelaySeconds(error, attemptOf(record));
      telemetry.failed(record, error, seconds, log ?? telemetry.logOf(record), started);
      await Promise.all([postponeMessage(record, seconds), noteLastFailure(record, error)]);
      throw new Postponed(seconds, error);
    }
  };

  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    using deadline = startDeadline(context.getRemainingTimeInMillis() - REPORT_MILLISECONDS);
    const invocation = { context, signal: deadline.signal };
    const deliverOne = (record: SQSRecord) => deliver(record, invocation);
    const handleRecord = queueUrl.endsWith('.fifo') ? inOrder(deliverOne, postponeMessage) : deliverOne;
    const response = await processPartialResponse(event, handleRecord, new BatchProcessor(EventType.SQS), {
      throwOnFullBatchFailure: false,
    });
    telemetry.publish();
    return response;
  };
}

/**
 * Delivers the messages of a group one after the other, and those of different groups side by side. After a failure the
 * rest of the group waits with the failed message: a FIFO queue holds a group back while one of its messages is hidden.
 */
function inOrder(
  deliver: (record: SQSRecord) => Promise<void>,
  postpone: (record: SQSRecord, seconds: number) => Promise<void>,
) {
  const tails = new Map<string, Promise<void>>();
  return (record: SQSRecord): Promise<void> => {
    const group = record.attributes.MessageGroupId ?? '';
    const turn = (tails.get(group) ?? Promise.resolve()).then(
      () => deliver(record),
      async (failure: Postponed) => {
        await postpone(record, failure.seconds);
        throw failure;
      },
    );
    tails.set(group, turn);
    return turn;
  };
}
