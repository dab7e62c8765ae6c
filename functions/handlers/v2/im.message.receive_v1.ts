import { Drop, onEvent } from '#feishu-events';

/** Replies to a text message with the same text. */
export default onEvent('im.message.receive_v1', async ({ message }, { feishu, log, uuid }) => {
  if (message.message_type !== 'text') throw new Drop(`Only text messages are echoed, not ${message.message_type}`);
  const { text } = JSON.parse(message.content);
  log.info('Replying to a message', { chat: message.chat_id });
  await feishu.im.message.reply({
    path: { message_id: message.message_id },
    data: { msg_type: 'text', content: JSON.stringify({ text }), uuid: uuid('echo') },
  });
});
