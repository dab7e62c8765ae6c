import { SendMessageBatchCommand, type SendMessageCommandInput } from '@aws-sdk/client-sqs';
import { MAXIMUM_ATTRIBUTES_BYTES, MAXIMUM_BODY_BYTES } from '../queue/message.ts';
import type { Deadline } from '../util/deadline.ts';
import type { SendMessage, SqsSender } from './sqs-sender.ts';

/** SQS's limit of messages per request. */
const MAXIMUM_ENTRIES = 10;
/** SQS's limit of a request, which is that of a message. */
const MAXIMUM_BYTES = MAXIMUM_BODY_BYTES + MAXIMUM_ATTRIBUTES_BYTES;
/** So many that a request without a response delays only the few events in it. Further messages wait, and fill batches. */
const MAXIMUM_REQUESTS = 16;

interface WaitingMessage {
  message: SendMessageCommandInput;
  signal: AbortSignal;
  resolve(messageId: string): void;
  reject(error: unknown): void;
}

/**
 * Creates a function that sends messages to one queue, several per request: a request takes more CPU time than everything
 * else that the program does for an event. No message waits for others to come: only those that arrive in the same turn
 * of the event loop, or while the limit of requests is reached, share a request.
 *
 * Each message has its own outcome. If SQS rejects a message of a batch, it is sent by itself, so its retries and its error
 * are those of a single message. On a FIFO queue, a message is sent after the earlier ones of its group.
 */
export function createBatchingSend({ send, client }: Pick<SqsSender, 'send' | 'client'>): SendMessage {
  const waiting: WaitingMessage[] = [];
  /** Those of a FIFO queue whose messages are being sent. */
  const busyGroups = new Set<string>();
  let requests = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      sendWaiting();
    });
  }

  function sendWaiting(): void {
    while (requests < MAXIMUM_REQUESTS) {
      const batch = takeBatch(waiting, busyGroups);
      if (batch.length === 0) return;
      void sendAndRelease(batch);
    }
  }

  async function sendAndRelease(batch: WaitingMessage[]): Promise<void> {
    const groups = batch.flatMap(({ message }) => orderedGroupOf(message) ?? []);
    requests++;
    for (const group of groups) busyGroups.add(group);
    await sendBatch(batch);
    for (const group of groups) busyGroups.delete(group);
    requests--;
    schedule();
  }

  async function sendBatch(batch: readonly WaitingMessage[]): Promise<void> {
    const unsent = batch.length === 1 ? batch : await sendTogether(batch);
    for (const { message, signal, resolve, reject } of unsent) await send(message, signal).then(resolve, reject);
  }

  /** @returns the messages without an outcome, which SQS has not stored */
  async function sendTogether(batch: readonly WaitingMessage[]): Promise<readonly WaitingMessage[]> {
    const Entries = batch.map(({ message: { QueueUrl, ...entry } }, index) => ({ Id: `${index}`, ...entry }));
    const command = new SendMessageBatchCommand({ QueueUrl: batch[0]?.message.QueueUrl, Entries });
    using deadline = startSharedDeadline(batch.map(({ signal }) => signal));
    try {
      const { Successful = [] } = await client.send(command, { abortSignal: deadline.signal });
      const messageIds = new Map(Successful.map(({ Id, MessageId }) => [Id, MessageId]));
      return batch.filter(({ resolve }, index) => {
        const messageId = messageIds.get(`${index}`);
        if (messageId !== undefined) resolve(messageId);
        return messageId === undefined;
      });
    } catch (error) {
      // One message may be the reason. The others must not fail with it.
      if (isRejection(error)) return batch;
      for (const { reject } of batch) reject(error);
      return [];
    }
  }

  return (message, signal) =>
    new Promise((resolve, reject) => {
      waiting.push({ message, signal, resolve, reject });
      schedule();
    });
}

/** Removes the messages of the next request from those that wait, in their order. */
function takeBatch(waiting: WaitingMessage[], busyGroups: ReadonlySet<string>): WaitingMessage[] {
  const batch: WaitingMessage[] = [];
  const left: WaitingMessage[] = [];
  let bytes = 0;
  let isFull = false;
  for (const entry of waiting) {
    const { message, signal } = entry;
    if (signal.aborted) {
      entry.reject(signal.reason);
      continue;
    }
    const size = Buffer.byteLength(message.MessageBody ?? '') + MAXIMUM_ATTRIBUTES_BYTES;
    // No later message follows, because it could be of the same group.
    isFull ||= batch.length === MAXIMUM_ENTRIES || bytes + size > MAXIMUM_BYTES;
    if (isFull || busyGroups.has(orderedGroupOf(message) ?? '')) {
      left.push(entry);
    } else {
      batch.push(entry);
      bytes += size;
    }
  }
  waiting.splice(0, waiting.length, ...left);
  return batch;
}

/** Returns the message's group if its queue keeps groups in order. */
function orderedGroupOf({ QueueUrl, MessageGroupId }: SendMessageCommandInput): string | undefined {
  return QueueUrl?.endsWith('.fifo') ? MessageGroupId : undefined;
}

/** Returns whether SQS has rejected a request for what it contains. */
function isRejection(error: unknown): boolean {
  const { $metadata, name } = error as { $metadata?: { httpStatusCode?: number }; name?: string };
  return $metadata?.httpStatusCode === 400 && !/Throttl/.test(name ?? '');
}

/** Creates a signal that aborts when all of these have. */
function startSharedDeadline(signals: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  const abortIfAllHave = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', abortIfAllHave);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) signal.removeEventListener('abort', abortIfAllHave);
    },
  };
}
