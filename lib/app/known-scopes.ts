/**
 * Scopes of which one is enough, the one to request first: the platform lists them under "any of these scopes".
 */
export type ScopeChoice = readonly [string, ...string[]];

/** The pages of the platform's documents and the files of the platform's own command-line tool. */
const DOCUMENTS = 'https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/';
const PLATFORM_CLI = 'https://github.com/larksuite/cli/blob/main/';

interface Known {
  scopes: readonly ScopeChoice[];
  /** Where the platform says so. */
  source: string;
}

const CONTACTS: ScopeChoice = [
  'contact:contact.base:readonly',
  'contact:contact:readonly_as_app',
  'contact:contact:access_as_app',
];
const BOT_MEMBERSHIP: ScopeChoice = ['im:chat.members:bot_access', 'im:chat:readonly', 'im:chat'];
const CHAT_MEMBERS: ScopeChoice = ['im:chat.members:read'];
const CHAT: ScopeChoice = ['im:chat:read'];
const SEND: ScopeChoice = ['im:message:send_as_bot', 'im:message'];

const imEvents = `${PLATFORM_CLI}events/im/native.go`;

/** The scopes that the subscription to an event requires. Fields of the event may require more. */
export const EVENT_SCOPES: ReadonlyMap<string, Known> = new Map(
  Object.entries<Known>({
    'im.message.receive_v1': {
      // Each scope lets the bot receive one kind of message.
      scopes: [['im:message.p2p_msg:readonly'], ['im:message.group_at_msg:readonly', 'im:message.group_msg']],
      source: `${DOCUMENTS}reference/im-v1/message/events/receive`,
    },
    'im.message.message_read_v1': {
      scopes: [['im:message:readonly', 'im:message']],
      source: 'https://open.larksuite.com/document/server-docs/im-v1/message/events/message_read',
    },
    'im.message.reaction.created_v1': {
      scopes: [['im:message:readonly', 'im:message'], ['im:message.reactions:read']],
      source: imEvents,
    },
    'im.message.reaction.deleted_v1': {
      scopes: [['im:message:readonly', 'im:message'], ['im:message.reactions:read']],
      source: imEvents,
    },
    'im.chat.member.bot.added_v1': {
      scopes: [BOT_MEMBERSHIP],
      source: `${DOCUMENTS}reference/im-v1/chat-member-bot/events/added`,
    },
    'im.chat.member.bot.deleted_v1': { scopes: [BOT_MEMBERSHIP], source: imEvents },
    'im.chat.member.user.added_v1': { scopes: [CHAT_MEMBERS], source: imEvents },
    'im.chat.member.user.withdrawn_v1': { scopes: [CHAT_MEMBERS], source: imEvents },
    'im.chat.member.user.deleted_v1': { scopes: [CHAT_MEMBERS], source: imEvents },
    'im.chat.updated_v1': { scopes: [CHAT], source: imEvents },
    'im.chat.disbanded_v1': { scopes: [CHAT], source: imEvents },
    'application.bot.menu_v6': { scopes: [], source: `${DOCUMENTS}application-v6/bot/events/menu` },
    'contact.user.created_v3': {
      scopes: [CONTACTS],
      source: `${DOCUMENTS}reference/contact-v3/user/events/created`,
    },
    'contact.scope.updated_v3': {
      scopes: [CONTACTS],
      source: `${DOCUMENTS}reference/contact-v3/scope/events/updated`,
    },
  }),
);

/** The scopes that a method of the official SDK's client requires, by its name without the version. */
export const CALL_SCOPES: ReadonlyMap<string, Known> = new Map(
  Object.entries<Known>({
    'im.message.create': { scopes: [SEND], source: `${DOCUMENTS}reference/im-v1/message/create` },
    'im.message.reply': { scopes: [SEND], source: `${DOCUMENTS}reference/im-v1/message/reply` },
    'im.message.get': {
      scopes: [['im:message:readonly', 'im:message']],
      source: `${DOCUMENTS}reference/im-v1/message/get`,
    },
    'im.message.patch': {
      scopes: [['im:message:send_as_bot', 'im:message:update', 'im:message']],
      source: 'https://open.larksuite.com/document/server-docs/im-v1/message-card/patch',
    },
    'im.message.delete': {
      scopes: [['im:message:send_as_bot', 'im:message:recall', 'im:message']],
      source: `${DOCUMENTS}reference/im-v1/message/delete`,
    },
    'cardkit.card.create': {
      scopes: [['cardkit:card:write']],
      source: `${DOCUMENTS}cardkit-v1/card/create`,
    },
    'im.messageReaction.create': {
      scopes: [['im:message.reactions:write_only', 'im:message']],
      source: `${DOCUMENTS}reference/im-v1/message-reaction/create`,
    },
    'im.messageResource.get': {
      scopes: [['im:message:readonly', 'im:message', 'im:message.history:readonly']],
      source: `${DOCUMENTS}reference/im-v1/message-resource/get`,
    },
    'im.image.create': {
      scopes: [['im:resource:upload', 'im:resource']],
      source: `${DOCUMENTS}reference/im-v1/image/create`,
    },
  }),
);
