import type { Client } from '@larksuiteoapi/node-sdk';
import { tryParseJsonObject } from '../feishu/envelope.ts';
import { cardText } from '../messages/card-text.ts';
import { TENANT, uniqueId } from '../samples/sample-values.ts';
import { type Api, type ApiContext, type ApiRequest, api, pageOf, textOf } from './api.ts';
import { invalidParameter, PlatformError } from './errors.ts';
import { checkContent } from './message-content.ts';
import { type Chat, type ChatMessage, type NewMessage, type PlatformState, putBounded } from './platform-state.ts';

type MessageApis = Client['im']['message'];

const MAXIMUM_EDITS = 20;
const UUID_LIFETIME_MILLISECONDS = 60 * 60_000;
const CARD_LIFETIME_MILLISECONDS = 14 * 24 * 60 * 60_000;

/**
 * The APIs of messages.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/introduction
 */
export function createMessageApis(): Api[] {
  const sent = new Map<string, { messageId: string; at: number }>();
  const edits = new Map<string, number>();

  /** At most one message an hour for each `uuid`. A repeated call returns the first message. */
  const sendOnce = (uuid: string | null | undefined, state: PlatformState, send: () => ChatMessage) => {
    if (!uuid) return send();
    if (uuid.length > 50) throw invalidParameter('the length of uuid must not exceed 50');
    const first = sent.get(uuid);
    const known = first && state.now() - first.at < UUID_LIFETIME_MILLISECONDS && state.findMessage(first.messageId);
    if (known) return known;
    const message = send();
    putBounded(sent, uuid, { messageId: message.messageId, at: state.now() });
    return message;
  };

  return [
    api<MessageApis['create']>('POST /open-apis/im/v1/messages', ({ body, query }, context) => {
      const { state } = context;
      const message = sendOnce(textOf(body, 'uuid'), state, () => {
        const chat = state.recipient(query.get('receive_id_type') ?? 'open_id', textOf(body, 'receive_id'));
        return sendAsBot(chat, textOf(body, 'msg_type'), textOf(body, 'content'), context);
      });
      return describe(message);
    }),

    api<MessageApis['reply']>('POST /open-apis/im/v1/messages/:message_id/reply', ({ path, body }, context) => {
      const { state } = context;
      const parent = available(state, path.message_id, 230011);
      const message = sendOnce(textOf(body, 'uuid'), state, () => {
        const threadId = parent.threadId ?? (body.reply_in_thread === true ? `omt_${uniqueId()}` : undefined);
        // The first reply in a topic makes its parent the topic's first message.
        if (threadId !== undefined && parent.threadId === undefined) {
          state.changeMessage(parent.messageId, { threadId });
        }
        const chat = state.chat(parent.chatId);
        return sendAsBot(chat, textOf(body, 'msg_type'), textOf(body, 'content'), context, {
          parentId: parent.messageId,
          rootId: parent.rootId ?? parent.messageId,
          ...(threadId !== undefined && { threadId }),
        });
      });
      return describe(message);
    }),

    api<MessageApis['get']>('GET /open-apis/im/v1/messages/:message_id', ({ path, query }, { state }) => {
      const message = state.message(path.message_id ?? '');
      state.requireBot(message.chatId);
      const parts = state.forwarded.get(message.messageId) ?? [];
      const items = [message, ...parts].map((each) => describe(each, query));
      return {
        items: items.map((item, index) => (index === 0 ? item : { ...item, upper_message_id: message.messageId })),
      };
    }),

    api<MessageApis['list']>('GET /open-apis/im/v1/messages', ({ query }, { state }) => {
      const type = query.get('container_id_type') ?? '';
      const id = query.get('container_id') ?? '';
      if (type !== 'chat' && type !== 'thread') throw invalidParameter(`invalid container_id_type: ${type}`);
      if (type === 'chat') state.chat(id);
      const start = Number(query.get('start_time') ?? 0) * 1000;
      const end = Number(query.get('end_time') ?? Number.POSITIVE_INFINITY) * 1000;
      const found = state
        .messages()
        .filter((message) => (type === 'chat' ? message.chatId : message.threadId) === id)
        .filter(({ createdAt }) => createdAt >= start && createdAt <= end);
      if (query.get('sort_type') === 'ByCreateTimeDesc') found.reverse();
      const { items, ...page } = pageOf(found, query);
      return { items: items.map((message) => describe(message, query)), ...page };
    }),

    api<MessageApis['patch']>('PATCH /open-apis/im/v1/messages/:message_id', ({ path, body }, context) => {
      const { state } = context;
      const message = available(state, path.message_id, 230011);
      if (message.senderType !== 'app') throw new PlatformError(230012, 'Bot is NOT the sender of the message.');
      if (message.messageType !== 'interactive') throw invalidParameter('the message is not a card');
      if (state.now() - message.createdAt > CARD_LIFETIME_MILLISECONDS) {
        throw new PlatformError(230031, 'Message can only be modified within 14 days after sending.');
      }
      const { content } = checkContent('interactive', textOf(body, 'content'), context);
      state.changeMessage(message.messageId, { content, updatedAt: state.now() });
      return {};
    }),

    api<MessageApis['update']>('PUT /open-apis/im/v1/messages/:message_id', ({ path, body }, context) => {
      const { state } = context;
      const message = available(state, path.message_id, 230110);
      const type = textOf(body, 'msg_type');
      if (message.senderType !== 'app') {
        throw new PlatformError(230071, 'The operator is NOT the sender of the message.');
      }
      if ((type !== 'text' && type !== 'post') || !['text', 'post'].includes(message.messageType)) {
        throw new PlatformError(230054, 'This type of message can not be edited.');
      }
      const count = (edits.get(message.messageId) ?? 0) + 1;
      if (count > MAXIMUM_EDITS)
        throw new PlatformError(230072, 'The message has reached the number of times it can be edited.');
      const { content, mentions } = checkContent(type, textOf(body, 'content'), context);
      putBounded(edits, message.messageId, count);
      const fields = { messageType: type, content, mentions, updatedAt: state.now(), isEdited: true };
      state.changeMessage(message.messageId, fields);
      return describe(state.message(message.messageId));
    }),

    api<MessageApis['delete']>('DELETE /open-apis/im/v1/messages/:message_id', ({ path }, { state }) => {
      const message = available(state, path.message_id, 230110);
      if (message.senderType !== 'app') throw new PlatformError(230026, 'No permission to recall this message.');
      state.changeMessage(message.messageId, { isDeleted: true, updatedAt: state.now() });
      return {};
    }),

    api<MessageApis['forward']>(
      'POST /open-apis/im/v1/messages/:message_id/forward',
      ({ path, body, query }, context) => {
        const { state } = context;
        const { messageType, content, mentions } = available(state, path.message_id, 230011);
        const message = sendOnce(query.get('uuid'), state, () =>
          state.addMessage({ ...botMessage(recipientOf(body, query, state), messageType, state), content, mentions }),
        );
        return describe(message);
      },
    ),

    api<MessageApis['mergeForward']>('POST /open-apis/im/v1/messages/merge_forward', ({ body, query }, { state }) => {
      const ids = Array.isArray(body.message_id_list) ? body.message_id_list.map(String) : [];
      const messages = ids.map((id) => available(state, id, 230011));
      if (messages.length === 0) throw invalidParameter('message_id_list is empty');
      const message = sendOnce(query.get('uuid'), state, () => {
        const content = JSON.stringify({ content: 'Merged and Forwarded Message' });
        const merged = state.addMessage({
          ...botMessage(recipientOf(body, query, state), 'merge_forward', state),
          content,
        });
        state.forwarded.set(merged.messageId, messages);
        return merged;
      });
      return { message: describe(message), invalid_message_id_list: [] };
    }),

    api<MessageApis['readUsers']>(
      'GET /open-apis/im/v1/messages/:message_id/read_users',
      ({ path, query }, { state }) => {
        const message = state.message(path.message_id ?? '');
        if (message.senderType !== 'app') throw new PlatformError(230012, 'Bot is NOT the sender of the message.');
        const { items, ...page } = pageOf(state.chat(message.chatId).memberIds, query);
        const idType = query.get('user_id_type') ?? 'open_id';
        const readers = items.map((openId) => ({
          user_id_type: idType,
          user_id: openId,
          timestamp: `${message.createdAt}`,
          tenant_key: TENANT,
        }));
        return { items: readers, ...page };
      },
    ),
  ];
}

/** @throws {PlatformError} if the message does not exist or was recalled */
function available(state: PlatformState, messageId = '', recalledCode: number): ChatMessage {
  const message = state.message(messageId);
  state.requireBot(message.chatId);
  if (message.isDeleted) throw new PlatformError(recalledCode, 'The message was withdrawn.');
  return message;
}

function sendAsBot(
  chat: Chat,
  type: string,
  content: string,
  context: ApiContext,
  fields: Partial<NewMessage> = {},
): ChatMessage {
  const checked = checkContent(type, content, context);
  return context.state.addMessage({ ...botMessage(chat, type, context.state), ...fields, ...checked });
}

function botMessage({ chatId }: Chat, messageType: string, { bot }: PlatformState) {
  return { chatId, messageType, senderId: bot.openId, senderType: 'app' as const };
}

function recipientOf(body: ApiRequest['body'], query: URLSearchParams, state: PlatformState): Chat {
  return state.recipient(query.get('receive_id_type') ?? 'open_id', textOf(body, 'receive_id'));
}

/** Describes a message as the API does. */
function describe(message: ChatMessage, query?: URLSearchParams) {
  const { messageId, rootId, parentId, threadId, senderId, senderType } = message;
  return {
    message_id: messageId,
    ...(rootId !== undefined && { root_id: rootId }),
    ...(parentId !== undefined && { parent_id: parentId }),
    ...(threadId !== undefined && { thread_id: threadId }),
    msg_type: message.messageType,
    create_time: `${message.createdAt}`,
    update_time: `${message.updatedAt}`,
    deleted: message.isDeleted,
    updated: message.isEdited,
    chat_id: message.chatId,
    sender: {
      id: senderType === 'app' ? 'cli_local' : senderId,
      id_type: senderType === 'app' ? 'app_id' : 'open_id',
      sender_type: senderType,
      tenant_key: TENANT,
    },
    body: { content: contentOf(message, query?.get('card_msg_content_type')) },
    mentions: message.mentions.map(({ key, openId, name }) => ({
      key,
      id: openId,
      id_type: 'open_id',
      name,
      tenant_key: TENANT,
    })),
  };
}

/** Without `card_msg_content_type`, the API returns only the texts of a card. */
function contentOf({ isDeleted, messageType, content, card }: ChatMessage, cardFormat: string | null = null): string {
  if (isDeleted) return 'This message was recalled';
  if (messageType !== 'interactive') return content;
  const json = card === undefined ? content : JSON.stringify(card);
  if (cardFormat === 'user_card_content') return JSON.stringify({ user_dsl: json });
  if (cardFormat === 'raw_card_content') return JSON.stringify({ json_card: json });
  const text = cardText(tryParseJsonObject(json) ?? {}, { style: 'text', nameOf: () => undefined });
  return JSON.stringify({ title: null, elements: [[{ tag: 'text', text }]] });
}
