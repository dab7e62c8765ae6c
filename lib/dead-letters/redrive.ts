import { createHash } from 'node:crypto';
import { type MessageAttributeValue, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Redrives } from '../store/redrives.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import { type Selection, visitDeadLetters } from './visit.ts';

export interface RedriveParts {
  queue: DeadLetterQueue;
  redrives: Redrives;
  sqs: SQSClient;
  /** Where the worker takes its events from. */
  eventsQueueUrl: string;
}

export interface RedriveResult {
  moved: number;
  /** Those that a redrive before, interrupted, had sent but not deleted: they are deleted now. */
  movedBefore: number;
  failures: { letter: DeadLetter; error: unknown }[];
}

/**
 * Sends dead letters to the worker again, through the queue they came from.
 *
 * SQS's own StartMessageMoveTask would move them all, of whatever type. Here each letter is sent, recorded as sent
 * (see {@link Redrives}) and only then deleted, so that whatever interrupts it leaves the letter in one of two places, or in
 * both: the next redrive finds the record and deletes, or sends a copy that the worker ignores.
 *
 * @param onProgress told of the result so far after each batch
 */
export async function redrive(
  { queue, redrives, sqs, eventsQueueUrl }: RedriveParts,
  selection: Selection,
  signal: AbortSignal,
  onProgress: (result: RedriveResult) => void,
): Promise<RedriveResult> {
  const result: RedriveResult = { moved: 0, movedBefore: 0, failures: [] };
  const isFifo = eventsQueueUrl.endsWith('.fifo');
  const movedIds = new Set<string | undefined>();

  const move = async (letter: DeadLetter) => {
    const { messageId } = letter;
    const wasMoved = (await redrives.successorOf(messageId)) !== undefined;
    if (!wasMoved) {
      const sent = await sqs.send(new SendMessageCommand(copyOf(letter, eventsQueueUrl)));
      movedIds.add(messageId);
      await redrives.settle(messageId, sent.MessageId as string);
    }
    await queue.remove(letter);
    if (wasMoved) result.movedBefore += 1;
    else result.moved += 1;
  };

  const moveBatch = async (letters: DeadLetter[]): Promise<DeadLetter[]> => {
    const stay: DeadLetter[] = [];
    const moveOne = (letter: DeadLetter) =>
      move(letter).catch((error) => {
        result.failures.push({ letter, error });
        stay.push(letter);
      });
    if (isFifo) {
      // In the order they came: where one of a conversation stays, so does what is behind it.
      for (const letter of letters) {
        if (stay.some(({ groupId }) => groupId === letter.groupId)) stay.push(letter);
        else await moveOne(letter);
      }
    } else {
      await Promise.all(letters.map(moveOne));
    }
    onProgress(result);
    return stay;
  };

  // What fails again at once is back before this has ended, and would go round and round.
  const isBack = ({ redriveOf }: DeadLetter) => movedIds.has(redriveOf);
  await visitDeadLetters(queue, selection, signal, moveBatch, isBack);
  return result;
}

function copyOf({ messageId, body, messageAttributes, groupId, redrives }: DeadLetter, queueUrl: string) {
  const attributes = Object.entries(messageAttributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
    name,
    { DataType, ...(StringValue !== undefined ? { StringValue } : { BinaryValue }) },
  ]);
  const MessageAttributes: Record<string, MessageAttributeValue> = {
    ...Object.fromEntries(attributes),
    redriveOf: { DataType: 'String', StringValue: messageId },
    redrives: { DataType: 'Number', StringValue: `${redrives + 1}` },
  };
  return {
    QueueUrl: queueUrl,
    MessageBody: body,
    MessageAttributes,
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    // Not the event's own, by which the queue could still know it; and the same for each copy of this letter.
    ...(queueUrl.endsWith('.fifo') && {
      MessageDeduplicationId: createHash('sha256').update(`redrive ${messageId}`).digest('hex'),
    }),
  };
}
