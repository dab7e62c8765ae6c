import { Client } from '@larksuiteoapi/node-sdk';

// The common setup behind a queue: a Lambda function that replies with the official SDK's client, without idempotency.

const { FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_DOMAIN } = process.env;
const client = new Client({ appId: FEISHU_APP_ID, appSecret: FEISHU_APP_SECRET, domain: FEISHU_DOMAIN });

export async function handler({ Records }) {
  for (const { body } of Records) {
    const { message } = JSON.parse(body);
    const { text } = JSON.parse(message.content);
    await client.im.message.reply({
      path: { message_id: message.message_id },
      data: { msg_type: 'text', content: JSON.stringify({ text }) },
    });
  }
}
