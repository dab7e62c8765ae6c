import { Drop, onEvent } from '#feishu-events';
import { type ReceivedMessage, readMessage } from '#feishu-events/messages';
import { conversationOf } from '../../assistant/conversation.ts';
import { streamAnswer } from '../../assistant/model.ts';

/** Answers private messages, and messages in groups that mention the bot. */
export default onEvent('im.message.receive_v1', async (event, context) => {
  if (event.sender.sender_type !== 'user') throw new Drop('A message of a bot');
  const message = readMessage(event, context);
  if (!message.isPrivate && !(await message.isMentioned())) throw new Drop('A group message for somebody else');
  const conversation = await conversationOf(message, context.log);
  await reply(message, streamAnswer(conversation, context.signal));
});

/** Replies with an answer that arrives piece by piece. */
async function reply(message: ReceivedMessage, answer: AsyncIterable<string>): Promise<void> {
  const stream = await message.reply.stream();
  for await (const chunk of answer) stream.write(chunk);
  await stream.end();
}
