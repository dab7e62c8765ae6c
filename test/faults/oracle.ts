import { paginateScan } from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { expect, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import { recordIdOf } from '../../lib/store/idempotency.ts';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { System } from './system.ts';

/** What became of all events, once the system is quiet. */
export interface Verdict {
  /** Messages that the platform considers delivered. */
  acknowledged: string[];
  /** Of those: neither handled to the end nor in the dead-letter queue. */
  lost: string[];
  /** Messages whose answer is visible more than once. */
  doubled: string[];
  /** Messages in the dead-letter queue. */
  dead: string[];
  /** Messages in the dead-letter queue that were handled all the same. */
  deadThoughHandled: string[];
  /** Messages whose handler started although their event was completed, visibly or not. */
  ranAgain: string[];
}

/** It only ends a test in which a message circles forever. */
const CIRCLING_AFTER_MILLISECONDS = 1_800_000;

/** Waits until no event is on its way. It fails when a message circles for ever. */
export async function waitUntilIdle(system: System): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await countOnTheirWay(system)).toBe(0);
      expect(system.worker.load).toBe(0);
    },
    { timeout: CIRCLING_AFTER_MILLISECONDS, interval: 100 },
  );
}

/** Waits until not more events than that are on their way. */
export async function waitUntilFewRemain(system: System, atMost: number): Promise<void> {
  await vi.waitFor(async () => expect(await countOnTheirWay(system)).toBeLessThanOrEqual(atMost), {
    timeout: CIRCLING_AFTER_MILLISECONDS,
    interval: 100,
  });
}

/** Events that the queue has, waiting or under way. */
async function countOnTheirWay({ clients, emulators }: System): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: emulators.queueUrl, AttributeNames: [...AttributeNames] }),
  );
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

/** Waits until the system is quiet and looks at what became of the events that were sent. */
export async function judge(system: System, sent: readonly PlatformEvent[]): Promise<Verdict> {
  await waitUntilIdle(system);
  const deadLetters = await drainDeadLetters(system);
  const dead = new Set(sent.map(({ id }) => id).filter((id) => deadLetters.has(id)));
  const completed = await readCompletedRecords(system);
  const isHandled = (event: PlatformEvent) => completed.has(recordIdOfEvent(event));
  const visibleTimes = Map.groupBy(system.api.visible, (id) => id);
  const states = Map.groupBy(system.platform.deliveries, ({ event }) => event.id);
  const acknowledged = sent.filter(({ id }) => states.get(id)?.some(({ state }) => state === 'acknowledged'));
  const idsOf = (some: readonly PlatformEvent[]) => some.map(({ id }) => id);
  return {
    acknowledged: idsOf(acknowledged),
    // The claim says that the handler came to its end, the visible answer that it did something.
    lost: idsOf(
      acknowledged.filter((event) => !dead.has(event.id) && !(isHandled(event) && visibleTimes.has(event.id))),
    ),
    doubled: idsOf(sent.filter(({ id }) => (visibleTimes.get(id)?.length ?? 0) > 1)),
    dead: [...dead],
    deadThoughHandled: idsOf(sent.filter((event) => dead.has(event.id) && isHandled(event))),
    ranAgain: system.ranAgain.filter((id) => sent.some((event) => event.id === id)),
  };
}

/** The `id` of the item that claims an event. */
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

/** The verdict when nothing is amiss. */
export function allHandled(events: readonly PlatformEvent[]): Verdict {
  return {
    acknowledged: events.map(({ id }) => id),
    lost: [],
    doubled: [],
    dead: [],
    deadThoughHandled: [],
    ranAgain: [],
  };
}
