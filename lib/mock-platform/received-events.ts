import { asText, isObject, type JsonObject, tryParseJsonObject } from '../feishu/envelope.ts';
import { uniqueId } from '../samples/sample-values.ts';
import type { PlatformState } from './platform-state.ts';

const EXAMPLE_TEXT = JSON.stringify({ text: 'Example' });
const MESSAGE_ID = /"(om_[\w-]+)"/g;
/** Of one event: anyone can send events through a tunnel. */
const MAXIMUM_IDS = 100;
const RESOURCE_KEY = /"((?:img|file)_[\w-]+)\\?"/g;

/**
 * Stores what an event says about messages, so that its handler can use them: the mock platform has not created the
 * messages of a sample or of a recorded event.
 *
 * @param text the event's decrypted JSON
 */
export function receiveEvent(text: string, state: PlatformState): void {
  const body = tryParseJsonObject(text) ?? {};
  // Old card callbacks have no envelope.
  const event = isObject(body.event) ? body.event : body;
  if (isObject(event.message) && isObject(event.sender)) receiveMessage(event.message, event.sender, state);
  const context = isObject(event.context) ? event.context : {};
  const cardId = isObject(event.action)
    ? (asText(context.open_message_id) ?? asText(event.open_message_id))
    : undefined;
  if (cardId !== undefined && state.findMessage(cardId) === undefined) {
    state.addExampleCard(cardId, chatOf(asText(context.open_chat_id), false, firstPerson(state).openId, state));
  }
  const token = asText(event.token);
  if (cardId !== undefined && token?.startsWith('c-') && !state.cardTokens.has(token))
    state.addCardToken(token, cardId);
  for (const [, messageId = ''] of text.matchAll(MESSAGE_ID).take(MAXIMUM_IDS)) {
    if (state.findMessage(messageId) === undefined) addText(messageId, event, state);
  }
  for (const [, key = ''] of text.matchAll(RESOURCE_KEY).take(MAXIMUM_IDS)) state.resources.addExample(key);
}

function receiveMessage(message: JsonObject, sender: JsonObject, state: PlatformState): void {
  const messageId = asText(message.message_id);
  if (messageId === undefined || state.findMessage(messageId) !== undefined) return;
  const id = isObject(sender.sender_id) ? sender.sender_id : {};
  const openId = asText(id.open_id);
  // The event may be hostile: it must not fail here.
  const person = openId?.startsWith('ou_') ? state.person('open_id', openId) : firstPerson(state);
  const mentions = (Array.isArray(message.mentions) ? message.mentions.filter(isObject) : []).map((mention) => ({
    key: asText(mention.key) ?? '',
    openId: (isObject(mention.id) && asText(mention.id.open_id)) || '',
    name: asText(mention.name) ?? '',
  }));
  const parentId = asText(message.parent_id) || undefined;
  if (parentId !== undefined && state.findMessage(parentId) === undefined) {
    addText(parentId, { chat_id: message.chat_id }, state);
  }
  const received = state.addMessage({
    messageId,
    chatId: chatOf(asText(message.chat_id), message.chat_type === 'p2p', person.openId, state),
    senderId: person.openId,
    senderType: 'user',
    messageType: asText(message.message_type) ?? 'text',
    content: asText(message.content) ?? '{}',
    mentions,
    ...(parentId !== undefined && { parentId, rootId: asText(message.root_id) || parentId }),
    ...(asText(message.thread_id) && { threadId: asText(message.thread_id) as string }),
  });
  if (received.messageType === 'merge_forward') {
    const part = { messageId: `om_${uniqueId()}`, messageType: 'text', content: EXAMPLE_TEXT, mentions: [] };
    state.forwarded.set(messageId, [{ ...received, ...part }]);
  }
}

/** A message that a person sent before. */
function addText(messageId: string, event: JsonObject, state: PlatformState): void {
  const { openId } = firstPerson(state);
  state.addMessage({
    messageId,
    chatId: chatOf(asText(event.chat_id) ?? asText(event.open_chat_id), false, openId, state),
    senderId: openId,
    senderType: 'user',
    messageType: 'text',
    content: asText(event.text) === undefined ? EXAMPLE_TEXT : JSON.stringify({ text: event.text }),
  });
}

function firstPerson(state: PlatformState) {
  return state.people.values().next().value as NonNullable<ReturnType<typeof state.people.get>>;
}

/** @returns the id of the chat, which is added if it is not known */
function chatOf(chatId: string | undefined, isPrivate: boolean, openId: string, state: PlatformState): string {
  if (chatId === undefined || chatId === '') return state.privateChat(state.person('open_id', openId)).chatId;
  if (!state.chats.has(chatId)) {
    const chat = state.addChat({ chatId, name: chatId, memberIds: [openId] });
    if (isPrivate) chat.mode = 'p2p';
  }
  return chatId;
}
