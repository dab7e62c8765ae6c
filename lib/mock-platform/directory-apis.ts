import type { Client } from '@larksuiteoapi/node-sdk';
import { TENANT, uniqueId } from '../samples/sample-values.ts';
import { type Api, type ApiRequest, api, pageOf, textOf } from './api.ts';
import { PlatformError } from './errors.ts';
import type { Chat, Person, PlatformState } from './platform-state.ts';

type Users = Client['contact']['user'];
type Chats = Client['im']['chat'];
type Members = Client['im']['chatMembers'];

/**
 * The APIs of users and chats.
 *
 * @see https://open.feishu.cn/document/server-docs/contact-v3/user/get
 * @see https://open.feishu.cn/document/server-docs/group/chat/get-2
 */
export const DIRECTORY_APIS: Api[] = [
  api<Users['get']>('GET /open-apis/contact/v3/users/:user_id', ({ path, query }, { state }) => ({
    user: describePerson(state.person(idTypeOf(query, 'user_id_type'), path.user_id ?? '')),
  })),

  api<Users['batch']>('GET /open-apis/contact/v3/users/batch', ({ query }, { state }) => ({
    items: query.getAll('user_ids').map((id) => describePerson(state.person(idTypeOf(query, 'user_id_type'), id))),
  })),

  api<Chats['create']>('POST /open-apis/im/v1/chats', ({ body, query }, { state }) => {
    const ids = Array.isArray(body.user_id_list) ? body.user_id_list.map(String) : [];
    const memberIds = ids.map((id) => state.person(idTypeOf(query, 'user_id_type'), id).openId);
    const chat = state.addChat({ chatId: `oc_${uniqueId()}`, name: textOf(body, 'name'), memberIds });
    return { chat_id: chat.chatId, ...describeChat(chat) };
  }),

  api<Chats['get']>('GET /open-apis/im/v1/chats/:chat_id', ({ path }, { state }) => {
    const chat = state.chat(path.chat_id ?? '');
    return { ...describeChat(chat), user_count: `${chat.memberIds.length}`, bot_count: '1' };
  }),

  api<Chats['list']>('GET /open-apis/im/v1/chats', ({ query }, { state }) => {
    const groups = [...state.chats.values()].filter(
      ({ chatId, mode }) => mode === 'group' && !state.chatsWithoutBot.has(chatId),
    );
    const { items, ...page } = pageOf(groups, query);
    return { items: items.map(({ chatId, name }) => ({ chat_id: chatId, name, tenant_key: TENANT })), ...page };
  }),

  api<Members['get']>('GET /open-apis/im/v1/chats/:chat_id/members', ({ path, query }, { state }) => {
    const { memberIds } = memberChat(path, state);
    const { items, ...page } = pageOf(memberIds, query);
    const idType = idTypeOf(query, 'member_id_type');
    const members = items.map((openId) => {
      const person = state.person('open_id', openId);
      return { member_id_type: idType, member_id: idOf(person, idType), name: person.name, tenant_key: TENANT };
    });
    return { items: members, ...page, member_total: memberIds.length };
  }),

  api<Members['create']>('POST /open-apis/im/v1/chats/:chat_id/members', ({ path, body, query }, { state }) => {
    const chat = memberChat(path, state);
    const added = peopleOf(body, query, state);
    chat.memberIds = [...new Set([...chat.memberIds, ...added])];
    return { invalid_id_list: [], not_existed_id_list: [], pending_approval_id_list: [] };
  }),

  api<Members['delete']>('DELETE /open-apis/im/v1/chats/:chat_id/members', ({ path, body, query }, { state }) => {
    const chat = memberChat(path, state);
    if (query.get('member_id_type') === 'app_id') {
      state.chatsWithoutBot.add(chat.chatId);
      return { invalid_id_list: [] };
    }
    const removed = peopleOf(body, query, state);
    chat.memberIds = chat.memberIds.filter((openId) => !removed.includes(openId));
    return { invalid_id_list: [] };
  }),

  api<Members['isInChat']>('GET /open-apis/im/v1/chats/:chat_id/members/is_in_chat', ({ path }, { state }) => ({
    is_in_chat: !state.chatsWithoutBot.has(state.chat(path.chat_id ?? '').chatId),
  })),
];

function idTypeOf(query: URLSearchParams, parameter: string): string {
  return query.get(parameter) ?? 'open_id';
}

function idOf({ openId, userId, unionId }: Person, idType: string): string {
  return idType === 'user_id' ? userId : idType === 'union_id' ? unionId : openId;
}

/** @throws {PlatformError} if the chat does not exist, or the bot is not in it */
function memberChat(path: ApiRequest['path'], state: PlatformState): Chat {
  const chat = state.chat(path.chat_id ?? '');
  if (state.chatsWithoutBot.has(chat.chatId)) throw new PlatformError(232011, 'Operator can NOT be out of the chat.');
  return chat;
}

/** @returns the `open_id`s of the people in `id_list` */
function peopleOf(body: ApiRequest['body'], query: URLSearchParams, state: PlatformState): string[] {
  const ids = Array.isArray(body.id_list) ? body.id_list.map(String) : [];
  if (query.get('member_id_type') === 'app_id') return [];
  return ids.map((id) => state.person(idTypeOf(query, 'member_id_type'), id).openId);
}

function describePerson({ openId, userId, unionId, name }: Person) {
  const avatar = 'https://example.com/avatar.png';
  return {
    open_id: openId,
    user_id: userId,
    union_id: unionId,
    name,
    en_name: name,
    avatar: { avatar_72: avatar, avatar_240: avatar, avatar_640: avatar, avatar_origin: avatar },
    status: { is_frozen: false, is_resigned: false, is_activated: true, is_exited: false, is_unjoin: false },
    mobile: '+8613000000000',
    employee_type: 1,
    department_ids: ['0'],
  };
}

function describeChat({ name, mode, memberIds }: Chat) {
  return {
    name,
    description: '',
    avatar: 'https://example.com/avatar.png',
    owner_id_type: 'open_id',
    ...(memberIds[0] !== undefined && { owner_id: memberIds[0] }),
    chat_mode: mode,
    chat_type: 'private',
    external: false,
    tenant_key: TENANT,
  };
}
