import type { EventEnvelope } from '../feishu/envelope.ts';
import { FeishuError } from '../feishu/errors.ts';
import { encodeMessage, escapeForSqs, type QueuedEvent } from '../queue/message.ts';
import { settleBefore } from '../util/deadline.ts';
import type { SendMessage } from './sqs-sender.ts';

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

/** @param url the URL of a standard or a FIFO queue */
export function createQueue(url: string): Queue {
  let send: SendMessage | undefined;
  const sendText = async (envelope: EventEnvelope, event: QueuedEvent, signal: AbortSignal) => {
    const message = encodeMessage(url, envelope, event);
    if (send === undefined) {
      // Not before the first event: a URL verification and a refusal are answered without loading the SDK.
      const { createSqsSender } = await import('./sqs-sender.ts');
      send ??= createSqsSender();
    }
    // The SDK heeds the signal while it sends, but not while it resolves credentials.
    return settleBefore(signal, send(message, signal));
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
