import { createHash } from 'node:crypto';
import { type MessageAttributeValue, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { conversationOf } from '../feishu/event-identity.ts';
import type { LargeEvents } from '../queue/large-events.ts';
import { toMessageGroupId } from '../queue/message.ts';
import type { Redrives } from '../store/redrives.ts';
import { readDelivery } from '../worker/processor.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import { type Selection, visitDeadLetters } from './visit.ts';

const STORE_WITHIN_MILLISECONDS = 60_000;

export interface RedriveParts {
  queue: DeadLetterQueue;
  redrives: Redrives;
  sqs: SQSClient;
  largeEvents: LargeEvents;
  /** The queue to send to. */
  targetUrl: string;
  /** Whether the messages were dead letters, so that their attempts so far count (default: true). */
  countsAsRedrive?: boolean;
  /** Called after a copy was sent and before the original is deleted. */
  onSent?: (letter: DeadLetter, copyId: string) => Promise<void>;
}

export interface RedriveResult {
  moved: number;
  /** Letters that an earlier, interrupted redrive had sent but not deleted. They are deleted now. */
  movedBefore: number;
  failures: { letter: DeadLetter; error: unknown }[];
}

/**
 * Sends dead letters back to the queue they came from.
 *
 * SQS's StartMessageMoveTask would move all of them, regardless of type. Here each letter is sent, recorded as sent (see
 * {@link Redrives}) and only then deleted. An interruption leaves it in one of the queues or in both. In that case the
 * next redrive finds the record and deletes the letter, or sends a copy that the worker ignores.
 *
 * An event in the bucket of large events is stored there again, because the bucket deletes events by their age.
 *
 * @param onProgress called with the result so far after each batch
 */
export async function redrive(
  { queue, redrives, sqs, largeEvents, targetUrl, countsAsRedrive = true, onSent }: RedriveParts,
  selection: Selection,
  signal: AbortSignal,
  onProgress: (result: RedriveResult) => void,
): Promise<RedriveResult> {
  const result: RedriveResult = { moved: 0, movedBefore: 0, failures: [] };
  const isFifo = targetUrl.endsWith('.fifo');
  const movedIds = new Set<string | undefined>();

  const move = async (letter: DeadLetter) => {
    const { messageId } = letter;
    const wasMoved = (await redrives.successorOf(messageId)) !== undefined;
    if (!wasMoved) {
      if (letter.storedKey !== undefined) await storeAgain(largeEvents, letter.storedKey);
      const sent = await sqs.send(new SendMessageCommand(copyOf(letter, targetUrl, countsAsRedrive)));
      await onSent?.(letter, sent.MessageId as string);
      movedIds.add(messageId);
      await redrives.recordSuccessor(messageId, sent.MessageId as string);
    }
    await queue.remove(letter);
    if (wasMoved) result.movedBefore += 1;
    else result.moved += 1;
  };

  const moveBatch = async (letters: DeadLetter[]): Promise<DeadLetter[]> => {
    const remaining: DeadLetter[] = [];
    const moveOne = (letter: DeadLetter) =>
      move(letter).catch((error) => {
        result.failures.push({ letter, error });
        remaining.push(letter);
      });
    if (isFifo) {
      const moveConversation = async (conversation: DeadLetter[]) => {
        let hasStopped = false;
        // In order: if a letter of a conversation remains, so do those behind it.
        for (const letter of conversation) {
          hasStopped ||= signal.aborted;
          if (hasStopped) remaining.push(letter);
          else {
            await moveOne(letter);
            hasStopped = remaining.includes(letter);
          }
        }
      };
      await Promise.all(Map.groupBy(letters, messageGroupIdOf).values().map(moveConversation));
    } else {
      await Promise.all(letters.map(moveOne));
    }
    onProgress(result);
    return remaining;
  };

  // A copy that fails at once returns before the redrive ends. Moving it again could loop forever.
  const isBack = ({ redriveOf }: DeadLetter) => movedIds.has(redriveOf);
  await visitDeadLetters(queue, selection, signal, moveBatch, isBack);
  return result;
}

async function storeAgain(largeEvents: LargeEvents, key: string): Promise<void> {
  const signal = AbortSignal.timeout(STORE_WITHIN_MILLISECONDS);
  await largeEvents.write(key, await largeEvents.read(key, signal), signal);
}

function copyOf(letter: DeadLetter, queueUrl: string, countsAsRedrive: boolean) {
  const { messageId, body, messageAttributes, groupId, reason } = letter;
  // The worker has not tried to process an event from the intake yet.
  const redrives = letter.redrives + (reason === undefined ? 1 : 0);
  // The reason was that of the intake. The next one is the worker's.
  const isObsolete = (name: string) => countsAsRedrive && name === 'reason';
  const copied = Object.entries(messageAttributes).filter(([name]) => !isObsolete(name));
  const attributes = copied.map(([name, { DataType, StringValue, BinaryValue }]) => [
    name,
    { DataType, ...(StringValue !== undefined ? { StringValue } : { BinaryValue }) },
  ]);
  const MessageAttributes: Record<string, MessageAttributeValue> = {
    ...Object.fromEntries(attributes),
    redriveOf: { DataType: 'String', StringValue: messageId },
    ...(countsAsRedrive && { redrives: { DataType: 'Number', StringValue: `${redrives}` } }),
  };
  const isFifo = queueUrl.endsWith('.fifo');
  return {
    QueueUrl: queueUrl,
    MessageBody: body,
    MessageAttributes,
    ...((isFifo || groupId !== undefined) && { MessageGroupId: messageGroupIdOf(letter) }),
    // Differs from the original's id, which the queue may still deduplicate, and is the same for each copy of a letter.
    ...(isFifo && { MessageDeduplicationId: createHash('sha256').update(`redrive ${messageId}`).digest('hex') }),
  };
}

/** A message of a standard queue may have no group. Its event determines it, as the intake does. */
function messageGroupIdOf({ groupId, record, messageId }: DeadLetter): string {
  if (groupId !== undefined) return groupId;
  try {
    return toMessageGroupId(conversationOf(readDelivery(record).envelope, false));
  } catch {
    return messageId;
  }
}
