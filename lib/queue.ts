import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { settleBefore } from './deadline.ts';
import type { EventEnvelope } from './feishu/envelope.ts';
import { FeishuError } from './feishu/errors.ts';
import { encodeMessage, escapeForSqs, type QueuedEvent } from './queue-message.ts';

/** Where accepted events go. */
export interface Queue {
  /**
   * @param signal aborts when there is no time left to acknowledge
   * @returns SQS's message id, once SQS has stored the event
   * @throws {FeishuError} `FEISHU_EVENT_TOO_LARGE`, or `FEISHU_QUEUE_UNAVAILABLE` when SQS refuses or does not answer
   *   in time: the platform then sends the event again
   */
  send(envelope: EventEnvelope, event: QueuedEvent, signal: AbortSignal): Promise<string>;
}

/** Leaves time for a second attempt on a new connection when the first one, frozen with the function, is dead. */
const CONNECT_WITHIN_MILLISECONDS = 500;
const RESPOND_WITHIN_MILLISECONDS = 1000;

/** @param url the URL of a standard or a FIFO queue */
export function createQueue(url: string): Queue {
  const client = new SQSClient({
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MILLISECONDS,
      requestTimeout: RESPOND_WITHIN_MILLISECONDS,
      throwOnRequestTimeout: true,
    },
  });
  const sendText = async (envelope: EventEnvelope, event: QueuedEvent, signal: AbortSignal) => {
    const message = new SendMessageCommand(encodeMessage(url, envelope, event));
    // The SDK heeds the signal while it sends, but not while it resolves credentials.
    const { MessageId } = await settleBefore(signal, client.send(message, { abortSignal: signal }));
    return MessageId as string;
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
          `SQS did not take the event (${nameOf(cause)}). The platform will send it again.`,
          { cause },
        );
      }
    },
  };
}

function hasForbiddenCharacter(error: unknown): boolean {
  return nameOf(error).endsWith('InvalidMessageContents');
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
