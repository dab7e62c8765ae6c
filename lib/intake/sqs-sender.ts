import type { Readable } from 'node:stream';
import {
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
  type SQSClientResolvedConfig,
} from '@aws-sdk/client-sqs';
import { readClientSettings } from '../config.ts';

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
  config: SQSClientResolvedConfig;
}

/** Creates an SQS client. Import this module only when a message is sent: it takes 150 KB. */
export function createSqsSender(): SqsSender {
  const client = new SQSClient({
    ...readClientSettings(process.env, 'sqs'),
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_WITHIN_MILLISECONDS,
      requestTimeout: RESPOND_WITHIN_MILLISECONDS,
      throwOnRequestTimeout: true,
    },
    // The SDK's default collector checks for a `ReadableStream`, which makes Node load its web streams.
    streamCollector: async (response: Readable) => Buffer.concat(await response.toArray()),
  });
  return {
    config: client.config,
    async send(message, abortSignal) {
      const { MessageId } = await client.send(new SendMessageCommand(message), { abortSignal });
      return MessageId as string;
    },
  };
}
