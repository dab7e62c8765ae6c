import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { readClientSettings } from '../config.ts';
import { AwsRequestHandler, type RehearsalOptions } from '../util/aws-request-handler.ts';

/** Leaves time for a retry on a new connection, because one that was frozen with the function may be dead. */
const CONNECT_WITHIN_MILLISECONDS = 500;
const RESPOND_WITHIN_MILLISECONDS = 1000;

/**
 * Sends a message.
 *
 * @returns SQS's message id
 * @throws the SDK's errors
 */
export type SendMessage = (message: SendMessageCommandInput, abortSignal: AbortSignal) => Promise<string>;

export interface SqsSender {
  send: SendMessage;
  /** Runs the code of {@link send} without sending the message, and opens the connection for the next one. */
  rehearse: SendMessage;
  /** Waits until that connection is open or has failed, at most for 300 ms. */
  connected(): Promise<void>;
  client: SQSClient;
}

/** Creates an SQS client. */
export function createSqsSender(): SqsSender {
  const requestHandler = new AwsRequestHandler({
    connectionTimeout: CONNECT_WITHIN_MILLISECONDS,
    requestTimeout: RESPOND_WITHIN_MILLISECONDS,
    throwOnRequestTimeout: true,
  });
  const client = new SQSClient({
    ...readClientSettings(process.env, 'sqs'),
    maxAttempts: 3,
    requestHandler,
    // The SDK's default collector checks for a `ReadableStream`, which makes Node load its web streams.
    streamCollector: async (response: Readable) => Buffer.concat(await response.toArray()),
  });
  const send = async (message: SendMessageCommandInput, options: object) => {
    const { MessageId } = await client.send(new SendMessageCommand(message), options);
    return MessageId as string;
  };
  return {
    send: (message, abortSignal) => send(message, { abortSignal }),
    rehearse(message, abortSignal) {
      const MD5OfMessageBody = createHash('md5')
        .update(message.MessageBody ?? '')
        .digest('hex');
      return send(message, {
        abortSignal,
        rehearsedResponse: JSON.stringify({ MessageId: 'rehearsed', MD5OfMessageBody }),
      } satisfies RehearsalOptions);
    },
    connected: () => requestHandler.connected(),
    client,
  };
}
