import type { EventPayloads } from '../../feishu/event-types.ts';
import type { MockPlatform } from '../../mock-platform/mock-platform.ts';
import type { ChatMessage, NewMessage, Person, PlatformState } from '../../mock-platform/platform-state.ts';
import { TENANT, uniqueId } from '../../samples/sample-values.ts';
import { createSample } from '../../samples/samples.ts';
import { BadRequest } from './read-requests.ts';
import type { ChatActionRequest, ChatMessageRequest } from './wire.ts';

/** The placeholder of the bot in what a person writes. */
const MENTION_KEY = '@_user_1';

/**
 * Stores a message of a person.
 *
 * @throws {BadRequest} if there is no such person, or the person is not in the chat
 * @throws {PlatformError} if there is no such chat or message
 */
export function storeMessage(request: ChatMessageRequest, { state }: MockPlatform): ChatMessage {
  const { chatId, parentId, mentionsBot = false } = request;
  const person = personOf(request.personId, state);
  if (!state.chat(chatId).memberIds.includes(person.openId)) throw new BadRequest('The person is not in this chat.');
  const parent = parentId === undefined ? undefined : state.message(parentId);
  return state.addMessage({
    chatId,
    senderId: person.openId,
    senderType: 'user',
    ...contentOf(request, state),
    mentions: mentionsBot ? [{ key: MENTION_KEY, openId: state.bot.openId, name: state.bot.name }] : [],
    ...(parent !== undefined && { parentId: parent.messageId, rootId: parent.rootId ?? parent.messageId }),
    ...(parent?.threadId !== undefined && { threadId: parent.threadId }),
  });
}

function contentOf(
  { messageType, text = '', mentionsBot, file }: ChatMessageRequest,
  state: PlatformState,
): Pick<NewMessage, 'messageType' | 'content'> {
  if (file !== undefined) {
    const resource = { name: file.name, content: Buffer.from(file.base64, 'base64') };
    const key = state.resources.add(messageType === 'image' ? 'image' : 'file', resource);
    const content = messageType === 'image' ? { image_key: key } : { file_key: key, file_name: file.name };
    return { messageType, content: JSON.stringify(content) };
  }
  if (messageType === 'text') {
    return { messageType, content: JSON.stringify({ text: mentionsBot ? `${MENTION_KEY} ${text}` : text }) };
  }
  const lines = text.split('\n').map((line): object[] => [{ tag: 'text', text: line, style: [] }]);
  if (mentionsBot) lines[0]?.unshift({ tag: 'at', user_id: MENTION_KEY, user_name: state.bot.name, style: [] });
  return { messageType, content: JSON.stringify({ title: '', content: lines }) };
}

/** Writes the event of a message as the platform sends it, without the Verification Token. */
export function messageEvent(message: ChatMessage, { state }: MockPlatform): string {
  const { messageId, chatId, rootId, parentId, threadId, mentions } = message;
  const event: EventPayloads['im.message.receive_v1'] = {
    sender: { sender_id: idsOf(personOf(message.senderId, state)), sender_type: 'user', tenant_key: TENANT },
    message: {
      message_id: messageId,
      ...(rootId !== undefined && { root_id: rootId }),
      ...(parentId !== undefined && { parent_id: parentId }),
      create_time: `${message.createdAt}`,
      update_time: `${message.updatedAt}`,
      chat_id: chatId,
      ...(threadId !== undefined && { thread_id: threadId }),
      chat_type: state.chat(chatId).mode,
      message_type: message.messageType,
      content: message.content,
      ...(mentions.length > 0 && {
        mentions: mentions.map(({ key, openId, name }) => ({
          key,
          id: { open_id: openId },
          mentioned_type: 'bot',
          name,
          tenant_key: TENANT,
        })),
      }),
    },
  };
  return createSample('im.message.receive_v1', { version: '2.0', token: '', event });
}

/**
 * Writes the callback of a control of a card as the platform sends it, without the Verification Token.
 *
 * @throws {BadRequest} if the message is not a card that is still shown, or there is no such person
 * @throws {PlatformError} if there is no such message
 */
export function actionEvent(request: ChatActionRequest, { state }: MockPlatform): string {
  const { messageId, personId, tag, name, value, option, options, formValue, inputValue, checked, timezone } = request;
  const message = state.message(messageId);
  if (message.messageType !== 'interactive' || message.isDeleted) throw new BadRequest('This message is not a card.');
  const token = `c-${uniqueId()}`;
  state.addCardToken(token, messageId);
  const action = {
    tag,
    ...(value !== undefined && { value }),
    ...(name !== undefined && { name }),
    ...(option !== undefined && { option }),
    ...(options !== undefined && { options }),
    ...(formValue !== undefined && { form_value: formValue }),
    ...(inputValue !== undefined && { input_value: inputValue }),
    ...(checked !== undefined && { checked }),
    ...(timezone !== undefined && { timezone }),
  };
  const event = {
    operator: { tenant_key: TENANT, ...idsOf(personOf(personId, state)) },
    token,
    action,
    host: 'im_message',
    context: { open_message_id: messageId, open_chat_id: message.chatId },
  };
  return createSample('card.action.trigger', { version: '2.0', token: '', event });
}

function personOf(openId: string, state: PlatformState): Person {
  const person = state.people.get(openId);
  if (person !== undefined) return person;
  throw new BadRequest('There is no such person.');
}

function idsOf({ openId, userId, unionId }: Person) {
  return { union_id: unionId, user_id: userId, open_id: openId };
}
