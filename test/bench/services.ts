import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createCertificate } from '../support/certificate.ts';
import type { MockServiceOptions, Reported, StoredMessage } from './mock-services.ts';

/** The services that the functions call, in a process of their own. */
export interface Services extends AsyncDisposable {
  /** Waits for the next queue message, which is in the queue from then on. */
  nextMessage(): Promise<StoredMessage>;
  /** Waits for the reply to a message, and returns when the platform received it, by {@link now}. */
  replyTo(messageId: string): Promise<number>;
  /** How many messages the queue has stored. */
  readonly messages: number;
  /** The variables that the template and Lambda set. */
  readonly environment: Record<string, string>;
}

export const encryptKey = 'the encrypt key of the bench';
export const token = 'the verification token of the bench';
/** Only ends a benchmark whose function does not reply. */
const REPLY_WITHIN_MILLISECONDS = 120_000;
const QUEUE = '000000000000/bench';

/** Returns the time in milliseconds, by a clock that all processes share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** @param folder for the certificate */
export async function startServices(folder: string, options: MockServiceOptions): Promise<Services> {
  const { key, certificate } = await createCertificate(await mkdtemp(path.join(folder, 'services-')));
  const program = fileURLToPath(new URL('mock-services.ts', import.meta.url));
  const services = fork(program, [key, certificate, JSON.stringify(options)], { execArgv: [] });
  const [{ aws, platform }] = await once(services, 'message');
  const reports = new EventEmitter();
  let messages = 0;
  services.on('message', (reported: Reported) => {
    if (reported.kind === 'message') reports.emit('message', reported.message);
    if (reported.kind === 'message') messages++;
    if (reported.kind === 'reply') reports.emit(reported.messageId, reported.at);
  });
  return {
    nextMessage: async () => (await once(reports, 'message'))[0],
    replyTo: async (messageId) =>
      (await once(reports, messageId, { signal: AbortSignal.timeout(REPLY_WITHIN_MILLISECONDS) }))[0],
    get messages() {
      return messages;
    },
    environment: {
      FEISHU_ENCRYPT_KEY: encryptKey,
      FEISHU_VERIFICATION_TOKEN: token,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret',
      FEISHU_DOMAIN: platform,
      QUEUE_URL: `${aws}/${QUEUE}`,
      CLAIMS_TABLE: 'bench',
      LOG_LEVEL: 'INFO',
      POWERTOOLS_SERVICE_NAME: 'bench',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'ASIABENCH',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'session',
      AWS_ENDPOINT_URL_SQS: aws,
      AWS_ENDPOINT_URL_DYNAMODB: aws,
      NODE_EXTRA_CA_CERTS: certificate,
    },
    async [Symbol.asyncDispose]() {
      const exited = once(services, 'exit');
      services.disconnect();
      await exited;
    },
  };
}

/** Returns the batch in which the event source mapping delivers stored messages for the first time. */
export function toBatch(messages: readonly StoredMessage[]) {
  const Records = messages.map(({ MessageId, MessageBody: Body, MessageAttributes, MessageGroupId }) => {
    const Attributes = { ApproximateReceiveCount: '1', SentTimestamp: `${Date.now()}`, MessageGroupId };
    const message = { MessageId, ReceiptHandle: MessageId, Body, MessageAttributes, Attributes };
    return toSqsRecord(message as never, 'arn:aws:sqs:us-east-1:000000000000:bench');
  });
  return { Records };
}
