import { paginateScan } from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { expect, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import { recordIdOf } from '../../lib/store/idempotency.ts';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { System } from './system.ts';

/** The ids of messages, by what happened to them. */
export interface Verdict {
  /** Acknowledged to the platform. */
  acknowledged: string[];
  /** Acknowledged, but neither handled nor in the dead-letter queue. */
  lost: string[];
  /** With more than one visible reply. */
  duplicated: string[];
  /** In the dead-letter queue. */
  dead: string[];
  /** In the dead-letter queue although they were handled. */
  deadThoughHandled: string[];
  /** Whose handler started again after the event was completed. */
  ranAgain: string[];
}

/** Only ends a test in which a message is delivered without end. */
const HANG_TIMEOUT_MILLISECONDS = 1_800_000;

/** Waits until no event is in flight. */
export async function waitUntilIdle(system: System): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await countInFlight(system)).toBe(0);
      expect(system.worker.load).toBe(0);
    },
    { timeout: HANG_TIMEOUT_MILLISECONDS, interval: 100 },
  );
}

/** Waits until at most this many events are in flight. */
export async function waitUntilFewRemain(system: System, atMost: number): Promise<void> {
  await vi.waitFor(async () => expect(await countInFlight(system)).toBeLessThanOrEqual(atMost), {
    timeout: HANG_TIMEOUT_MILLISECONDS,
    interval: 100,
  });
}

/** Counts the messages in the queue, visible or not. */
async function countInFlight({ clients, emulators }: System): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: emulators.queueUrl, AttributeNames: [...AttributeNames] }),
  );
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

/** Waits until the system is idle and determines what happened to the events. */
export async function judge(system: System, sent: readonly PlatformEvent[]): Promise<Verdict> {
  await waitUntilIdle(system);
  const deadLetters = await drainDeadLetters(system);
  const dead = new Set(sent.map(({ id }) => id).filter((id) => deadLetters.has(id)));
  const completed = await readCompletedRecords(system);
  const isHandled = (event: PlatformEvent) => completed.has(recordIdOfEvent(event));
  const visibleReplies = Map.groupBy(system.api.visible, (id) => id);
  const deliveries = Map.groupBy(system.platform.deliveries, ({ event }) => event.id);
  const acknowledged = sent.filter(({ id }) => deliveries.get(id)?.some(({ state }) => state === 'acknowledged'));
  const idsOf = (events: readonly PlatformEvent[]) => events.map(({ id }) => id);
  return {
    acknowledged: idsOf(acknowledged),
    // The record shows that the handler completed, the visible reply that it took effect.
    lost: idsOf(
      acknowledged.filter((event) => !dead.has(event.id) && !(isHandled(event) && visibleReplies.has(event.id))),
    ),
    duplicated: idsOf(sent.filter(({ id }) => (visibleReplies.get(id)?.length ?? 0) > 1)),
    dead: [...dead],
    deadThoughHandled: idsOf(sent.filter((event) => dead.has(event.id) && isHandled(event))),
    ranAgain: system.ranAgain.filter((id) => sent.some((event) => event.id === id)),
  };
}

/** Returns the `id` of an event's idempotency record. */
export function recordIdOfEvent({ text }: PlatformEvent): string {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new TypeError('not an event');
  return recordIdOf(deduplicationKey(envelope, text));
}

async function drainDeadLetters({ clients, emulators }: System): Promise<Set<string>> {
  const ids = new Set<string>();
  const QueueUrl = emulators.deadLetterQueueUrl;
  for (;;) {
    const { Messages = [] } = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    if (Messages.length === 0) return ids;
    for (const { Body = '' } of Messages) ids.add(JSON.parse(Body).event.message.message_id);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    await clients.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

async function readCompletedRecords({ clients, emulators }: System): Promise<Set<string>> {
  const completed = new Set<string>();
  for await (const { Items = [] } of paginateScan({ client: clients.dynamo }, { TableName: emulators.claimsTable })) {
    for (const { id, status } of Items) if (id?.S && status?.S === 'COMPLETED') completed.add(id.S);
  }
  return completed;
}

/** Returns the verdict if every event was handled and took effect once. */
export function allHandled(events: readonly PlatformEvent[]): Verdict {
  return {
    acknowledged: events.map(({ id }) => id),
    lost: [],
    duplicated: [],
    dead: [],
    deadThoughHandled: [],
    ranAgain: [],
  };
}
