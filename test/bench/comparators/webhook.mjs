import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { EventDispatcher, generateChallenge } from '@larksuiteoapi/node-sdk';

// The common setup: a Lambda function with the official SDK's dispatcher and the SQS client.

const encryptKey = process.env.FEISHU_ENCRYPT_KEY;
const verificationToken = process.env.FEISHU_VERIFICATION_TOKEN;
const sqs = new SQSClient({});
const dispatcher = new EventDispatcher({ encryptKey, verificationToken }).register({
  'im.message.receive_v1': async (event) => {
    await sqs.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: JSON.stringify(event) }));
    return { msg: 'success' };
  },
});

export async function handler({ headers, body }) {
  const data = Object.assign(Object.create({ headers }), JSON.parse(body));
  const { isChallenge, challenge } = generateChallenge(data, { encryptKey });
  const response = isChallenge ? challenge : await dispatcher.invoke(data);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(response) };
}
