import { type Environment, splitsTopics } from '../config.ts';
import type { EventEnvelope } from '../feishu/envelope.ts';
import { FeishuError } from '../feishu/errors.ts';
import {
  encodeMessage,
  escapeForSqs,
  MAXIMUM_BODY_BYTES,
  type MessageBody,
  type QueuedEvent,
} from '../queue/message.ts';
import { rejectOnAbort } from '../util/deadline.ts';
import { createSqsSender, type SqsSender } from './sqs-sender.ts';

/** The queue that accepted events are sent to. */
export interface Queue {
  /**
   * Sends an event and waits until SQS has stored it. An event that is too large for SQS is stored in S3, and the message
   * contains its key.
   *
   * @param envelope `undefined` if the event cannot be parsed
   * @param signal aborts when the event must be acknowledged or rejected
   * @returns SQS's message id
   * @throws {FeishuError} `FEISHU_QUEUE_UNAVAILABLE` if SQS or S3 rejects the event or does not respond in time; the
   *   platform then resends it
   */
  send(envelope: EventEnvelope | undefined, event: QueuedEvent, signal: AbortSignal): Promise<string>;
}

/**
 * @param url the URL of a standard or a FIFO queue
 * @param environment the settings of the ordering and of the bucket of large events
 */
export function createQueue(
  url: string,
  environment: Environment = process.env,
  { send, client }: Pick<SqsSender, 'send' | 'client'> = createSqsSender(),
): Queue {
  let acceptsGroups = true;
  const sendText = async (envelope: EventEnvelope | undefined, event: QueuedEvent, signal: AbortSignal) => {
    let body: MessageBody | undefined;
    if (Buffer.byteLength(event.text) > MAXIMUM_BODY_BYTES) {
      const { encodeLargeBody } = await import('./set-aside.ts');
      body = await rejectOnAbort(signal, encodeLargeBody(envelope, event, client.config, environment, signal));
    }
    const { MessageGroupId, ...ungrouped } = encodeMessage(url, envelope, event, body, splitsTopics(environment));
    const isGrouped = acceptsGroups;
    const message = isGrouped ? { ...ungrouped, MessageGroupId } : ungrouped;
    try {
      // The SDK observes the signal while it sends, but not while it resolves credentials.
      return await rejectOnAbort(signal, send(message, signal));
    } catch (error) {
      if (!isGrouped || url.endsWith('.fifo') || !rejectsGroup(error)) throw error;
      acceptsGroups = false;
      return rejectOnAbort(signal, send(ungrouped, signal));
    }
  };
  return {
    async send(envelope, event, signal) {
      try {
        return await sendText(envelope, event, signal).catch((error) => {
          if (!hasForbiddenCharacter(error)) throw error;
          return sendText(envelope, { ...event, text: escapeForSqs(event.text) }, signal);
        });
      } catch (cause) {
        if (cause instanceof FeishuError) throw cause;
        throw new FeishuError(
          'FEISHU_QUEUE_UNAVAILABLE',
          `The event was not stored (${nameOf(cause)}). The platform will resend it.`,
          { cause },
        );
      }
    },
  };
}

function hasForbiddenCharacter(error: unknown): boolean {
  return nameOf(error).endsWith('InvalidMessageContents');
}

/**
 * Returns whether the region does not support message groups on standard queues. Conversations then have no fair share of
 * the queue; everything else works.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 */
function rejectsGroup(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.name.startsWith('InvalidParameterValue') &&
    /MessageGroupId|not valid for this queue type/.test(error.message)
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
