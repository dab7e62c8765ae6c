import type { Readable } from 'node:stream';
import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';

/** Leaves time for a second attempt on a new connection when the first one, frozen with the function, is dead. */
const CONNECT_WITHIN_MILLISECONDS = 500;
const RESPOND_WITHIN_MILLISECONDS = 1000;

/**
 * Sends a message.
 *
 * @returns SQS's message id
 * @throws the SDK's errors
 */
export type SendMessage = (message: SendMessageCommandInput, abortSignal: AbortSignal) => Promise<string>;

/** Makes a client of SQS. Whoever may do without one imports this module when it is needed: it is 150 KB. */
export function createSqsSender(): SendMessage {
  const client = new SQSClient({
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MILLISECONDS,
      requestTimeout: RESPOND_WITHIN_MILLISECONDS,
      throwOnRequestTimeout: true,
    },
    // The SDK's own asks whether the response is a `ReadableStream`, for which Node loads its web streams.
    streamCollector: async (response: Readable) => Buffer.concat(await response.toArray()),
  });
  return async (message, abortSignal) => {
    const { MessageId } = await client.send(new SendMessageCommand(message), { abortSignal });
    return MessageId as string;
  };
}
