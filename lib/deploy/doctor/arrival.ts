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
import { type Finding, ok, problem } from './finding.ts';
import { type DeployedWebhook, postTo, requireSuccess, signingSecretOf } from './webhook.ts';

export interface ArrivalParts {
  sqs: SQSClient;
  dynamo: DynamoDBClient;
  lambda: LambdaClient;
  queueUrl: string;
  claimsTable: string;
  /** Of the worker. */
  eventSourceMappingId: string | undefined;
  /** Where the event is posted; without it, it is put into the queue. */
  webhook: DeployedWebhook | undefined;
  waitMilliseconds: number;
}

const POLL_EVERY_MILLISECONDS = 500;

/** @returns the JSON of an event that the worker claims and no handler sees */
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

/** Sends an event on its way, and waits for its claim: the worker completes it when it has handled the event. */
export async function checkArrival(parts: ArrivalParts, text: string): Promise<Finding> {
  const started = Date.now();
  await (parts.webhook === undefined ? putIntoQueue(parts, text) : postEvent(parts.webhook, text));
  const way = parts.webhook === undefined ? 'An event put into the queue' : 'A signed event posted to the URL';
  while (Date.now() - started < parts.waitMilliseconds) {
    if (await isHandled(parts, text)) {
      return ok(`${way} was handled by the worker in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    }
    await sleep(POLL_EVERY_MILLISECONDS);
  }
  const text2 = `${way} was accepted, but the worker had not handled it after ${parts.waitMilliseconds / 1000} s.`;
  return problem(text2, await diagnose(parts));
}

async function postEvent({ url, secrets }: DeployedWebhook, text: string): Promise<void> {
  requireSuccess(await postTo(url, writeRequest(text, signingSecretOf(secrets), Date.now())), 'a signed event');
}

async function putIntoQueue({ sqs, queueUrl }: ArrivalParts, text: string): Promise<void> {
  const event = { text, source: 'long-connection', receivedAt: new Date(), requestId: undefined } as const;
  await sqs.send(new SendMessageCommand(encodeMessage(queueUrl, envelopeOf(text), event)));
}

async function isHandled({ dynamo, claimsTable }: ArrivalParts, text: string): Promise<boolean> {
  const id = recordIdOf(deduplicationKey(envelopeOf(text), text));
  const { Item } = await dynamo.send(
    new GetItemCommand({ TableName: claimsTable, Key: { id: { S: id } }, ConsistentRead: true }),
  );
  return Item?.status?.S === 'COMPLETED';
}

/** What to do follows from where the event is stuck. */
async function diagnose({ sqs, lambda, queueUrl, eventSourceMappingId }: ArrivalParts): Promise<string> {
  const state = eventSourceMappingId && (await readMappingState(lambda, eventSourceMappingId));
  if (state && state !== 'Enabled') {
    return (
      `The worker's event source mapping is ${state}, so that it takes nothing from the queue. Enable it: ` +
      `aws lambda update-event-source-mapping --uuid ${eventSourceMappingId} --enabled`
    );
  }
  const { waiting, hidden } = await openDeadLetterQueue(sqs, queueUrl).count();
  if (hidden > 0) return 'The worker has taken events and does not get through them: npx serverless logs -f worker';
  if (waiting > 0) {
    return `${waiting} wait in the queue. Is the worker throttled, or was its event source mapping deleted? Deploy again.`;
  }
  return "It is not in the stack's queue. Does the webhook, or the worker, have another stack's QUEUE_URL or CLAIMS_TABLE? Deploy again.";
}

/** @returns `missing` when it was deleted by hand */
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
