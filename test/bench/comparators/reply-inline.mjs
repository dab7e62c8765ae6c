import { Client, EventDispatcher, generateChallenge } from '@larksuiteoapi/node-sdk';

// The common setup without a queue: one Lambda function that replies before it acknowledges the event.

const { FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_DOMAIN } = process.env;
const encryptKey = process.env.FEISHU_ENCRYPT_KEY;
const verificationToken = process.env.FEISHU_VERIFICATION_TOKEN;
const client = new Client({ appId: FEISHU_APP_ID, appSecret: FEISHU_APP_SECRET, domain: FEISHU_DOMAIN });
const dispatcher = new EventDispatcher({ encryptKey, verificationToken }).register({
  'im.message.receive_v1': async ({ message }) => {
    const { text } = JSON.parse(message.content);
    await client.im.message.reply({
      path: { message_id: message.message_id },
      data: { msg_type: 'text', content: JSON.stringify({ text }) },
    });
    return { msg: 'success' };
  },
});

export async function handler({ headers, body }) {
  const data = Object.assign(Object.create({ headers }), JSON.parse(body));
  const { isChallenge, challenge } = generateChallenge(data, { encryptKey });
  const response = isChallenge ? challenge : await dispatcher.invoke(data);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(response) };
}
