import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { adaptExpress, EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import express from 'express';

// The common setup on a server: Express, the official SDK's adapter and dispatcher, and the SQS client.

const { FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, QUEUE_URL, EVENT_TYPE } = process.env;
const sqs = new SQSClient({});
const stringAttribute = (value) => ({ DataType: 'String', StringValue: value });
const dispatcher = new EventDispatcher({
  encryptKey: FEISHU_ENCRYPT_KEY,
  verificationToken: FEISHU_VERIFICATION_TOKEN,
  loggerLevel: LoggerLevel.fatal,
}).register({
  // The dispatcher merges the header and the event into one object; the worker needs the original envelope.
  [EVENT_TYPE]: async ({ schema, event_id, event_type, create_time, token, app_id, tenant_key, ...event }) => {
    const header = { event_id, event_type, create_time, token, app_id, tenant_key };
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: QUEUE_URL,
        MessageBody: JSON.stringify({ schema, header, event }),
        MessageAttributes: {
          source: stringAttribute('webhook'),
          receivedAt: stringAttribute(new Date().toISOString()),
        },
      }),
    );
    return { msg: 'success' };
  },
});

const server = express()
  .use(express.json({ limit: '6mb' }))
  .use('/feishu/events', adaptExpress(dispatcher, { autoChallenge: true }))
  .listen(0, '127.0.0.1', () => {
    process.send({ url: `http://127.0.0.1:${server.address().port}/feishu/events` });
  });
process.once('disconnect', () => process.exit());
