import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { parseEnvelope } from '../../feishu/envelope.ts';
import { deduplicationKey } from '../../feishu/event-identity.ts';
import { writeRequest } from '../../feishu/request.ts';
import { encodeMessage } from '../../queue/message.ts';
import { recordIdOf } from '../../store/idempotency.ts';
import { SELF_TEST_TYPE } from '../../worker/self-test.ts';
import { type Finding, ok, plural, problem } from './finding.ts';
import { type DeployedWebhook, postTo, requireSuccess, signingSecretOf } from './webhook.ts';

export interface ArrivalParts {
  sqs: SQSClient;
  dynamo: DynamoDBClient;
  lambda: LambdaClient;
  queueUrl: string;
  claimsTable: string;
  /** The worker's. */
  eventSourceMappingId: string | undefined;
  /** Receives the event. If `undefined`, the event goes directly to the queue. */
  webhook: DeployedWebhook | undefined;
  waitMilliseconds: number;
}

const POLL_EVERY_MILLISECONDS = 500;

/** Creates the JSON of an event that the worker processes without calling the user's handlers. */
export function createSelfTest(token: string | undefined, appId: string | undefined): string {
  const header = {
    event_id: `doctor-${randomUUID()}`,
    event_type: SELF_TEST_TYPE,
    create_time: `${Date.now()}`,
    token: token ?? '',
    app_id: appId ?? '',
    tenant_key: 'doctor',
  };
  return JSON.stringify({ schema: '2.0', header, event: {} });
}

/** Sends an event and waits until the worker has completed its idempotency record. */
export async function checkArrival(parts: ArrivalParts, text: string): Promise<Finding> {
  const started = Date.now();
  await (parts.webhook === undefined ? sendToQueue(parts, text) : postEvent(parts.webhook, text));
  const event = parts.webhook === undefined ? 'an event sent to the queue' : 'a signed event sent to the webhook';
  while (Date.now() - started < parts.waitMilliseconds) {
    if (await isCompleted(parts, text)) {
      return ok(`The worker processed ${event} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    }
    await sleep(POLL_EVERY_MILLISECONDS);
  }
  return problem(
    `The worker did not process ${event} within ${parts.waitMilliseconds / 1000} s.`,
    await diagnose(parts),
  );
}

async function postEvent({ url, secrets }: DeployedWebhook, text: string): Promise<void> {
  requireSuccess(await postTo(url, writeRequest(text, signingSecretOf(secrets), Date.now())), url, 'a signed event');
}

async function sendToQueue({ sqs, queueUrl }: ArrivalParts, text: string): Promise<void> {
  const event = { text, source: 'long-connection', receivedAt: new Date(), requestId: undefined } as const;
  const { MessageGroupId, ...ungrouped } = encodeMessage(queueUrl, envelopeOf(text), event);
  // Some regions reject groups on standard queues.
  const message = queueUrl.endsWith('.fifo') ? { ...ungrouped, MessageGroupId } : ungrouped;
  await sqs.send(new SendMessageCommand(message));
}

async function isCompleted({ dynamo, claimsTable }: ArrivalParts, text: string): Promise<boolean> {
  const id = recordIdOf(deduplicationKey(envelopeOf(text), text));
  const { Item } = await dynamo.send(
    new GetItemCommand({ TableName: claimsTable, Key: { id: { S: id } }, ConsistentRead: true }),
  );
  return Item?.status?.S === 'COMPLETED';
}

/** Finds out where the event is stuck, and returns advice. */
async function diagnose({ sqs, lambda, queueUrl, eventSourceMappingId }: ArrivalParts): Promise<string> {
  const state = eventSourceMappingId && (await readMappingState(lambda, eventSourceMappingId));
  if (state && state !== 'Enabled') {
    return (
      `The worker's event source mapping is ${state}, so the worker receives no events. Enable it: ` +
      `aws lambda update-event-source-mapping --uuid ${eventSourceMappingId} --enabled`
    );
  }
  const { waiting, hidden } = await openDeadLetterQueue(sqs, queueUrl).count();
  if (hidden > 0) return 'The worker receives events but does not finish them. See npx serverless logs -f worker.';
  if (waiting > 0) {
    return `${plural(waiting, 'event')} waiting in the queue. Is the worker throttled? If its event source mapping was deleted, deploy again.`;
  }
  return "The event is not in the stack's queue. The webhook or the worker may have another stack's QUEUE_URL or CLAIMS_TABLE. Deploy again.";
}

/** Returns `missing` if the mapping was deleted. */
async function readMappingState(lambda: LambdaClient, id: string): Promise<string | undefined> {
  try {
    return (await lambda.send(new GetEventSourceMappingCommand({ UUID: id }))).State;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return 'missing';
    throw error;
  }
}

function envelopeOf(text: string) {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new TypeError('A URL verification does not reach the worker');
  return envelope;
}
