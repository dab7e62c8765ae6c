/**
 * Scopes of which one is enough, the one to request first: the platform lists them under "any of these scopes".
 */
export type ScopeChoice = readonly [string, ...string[]];

interface Known {
  scopes: readonly ScopeChoice[];
  /** Where the platform says so. */
  source: string;
}

type Entry = readonly [name: string, known: Known];

/** The pages of the platform's documents and the files of the platform's own command-line tool. */
const DOCUMENTS = 'https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/';
const LARK_DOCUMENTS = 'https://open.larksuite.com/document/uAjLw4CM/ukTMukTMukTM/';
const PLATFORM_CLI = 'https://github.com/larksuite/cli/blob/main/';

const CONTACTS: ScopeChoice = [
  'contact:contact.base:readonly',
  'contact:contact:readonly_as_app',
  'contact:contact:access_as_app',
];
const DEPARTMENTS: ScopeChoice = ['contact:contact:readonly_as_app', 'contact:contact:access_as_app'];
const USERS: ScopeChoice = [...CONTACTS, 'contact:contact:readonly'];
const BOT_MEMBERSHIP: ScopeChoice = ['im:chat.members:bot_access', 'im:chat:readonly', 'im:chat'];
const CHAT_MEMBERS: ScopeChoice = ['im:chat.members:read'];
const CHAT: ScopeChoice = ['im:chat:read'];
const SEND: ScopeChoice = ['im:message:send_as_bot', 'im:message'];
const READ: ScopeChoice = ['im:message:readonly', 'im:message'];
const READ_REACTIONS: ScopeChoice = ['im:message.reactions:read'];
const CARD: ScopeChoice = ['cardkit:card:write'];

const imEvents = `${PLATFORM_CLI}events/im/native.go`;
const calendarEvents = `${DOCUMENTS}reference/calendar-v4/`;

/** The scopes that the subscription to an event requires. Fields of the event may require more. */
export const EVENT_SCOPES: ReadonlyMap<string, Known> = new Map<string, Known>([
  known('application.bot.menu_v6', [], `${DOCUMENTS}application-v6/bot/events/menu`),
  known(
    'im.message.receive_v1',
    // Each scope lets the bot receive one kind of message.
    [['im:message.p2p_msg:readonly'], ['im:message.group_at_msg:readonly', 'im:message.group_msg']],
    `${DOCUMENTS}reference/im-v1/message/events/receive`,
  ),
  known(
    'im.message.message_read_v1',
    [READ],
    'https://open.larksuite.com/document/server-docs/im-v1/message/events/message_read',
  ),
  known('im.message.reaction.created_v1', [READ, READ_REACTIONS], imEvents),
  known('im.message.reaction.deleted_v1', [READ, READ_REACTIONS], imEvents),
  known('im.chat.member.bot.added_v1', [BOT_MEMBERSHIP], `${DOCUMENTS}reference/im-v1/chat-member-bot/events/added`),
  known('im.chat.member.bot.deleted_v1', [BOT_MEMBERSHIP], imEvents),
  known('im.chat.member.user.added_v1', [CHAT_MEMBERS], imEvents),
  known('im.chat.member.user.withdrawn_v1', [CHAT_MEMBERS], imEvents),
  known('im.chat.member.user.deleted_v1', [CHAT_MEMBERS], imEvents),
  known('im.chat.updated_v1', [CHAT], imEvents),
  known('im.chat.disbanded_v1', [CHAT], imEvents),
  known('contact.user.created_v3', [CONTACTS], `${DOCUMENTS}reference/contact-v3/user/events/created`),
  known('contact.scope.updated_v3', [CONTACTS], `${DOCUMENTS}reference/contact-v3/scope/events/updated`),
  known('contact.department.created_v3', [CONTACTS], `${DOCUMENTS}reference/contact-v3/department/events/created`),
  known(
    'contact.department.updated_v3',
    [DEPARTMENTS],
    `${LARK_DOCUMENTS}reference/contact-v3/department/events/updated`,
  ),
  known(
    'contact.custom_attr_event.updated_v3',
    [DEPARTMENTS],
    `${LARK_DOCUMENTS}reference/contact-v3/custom_attr_event/events/updated`,
  ),
  known(
    'contact.employee_type_enum.deleted_v3',
    [CONTACTS],
    'https://open.feishu.cn/document/server-docs/contact-v3/employee_type_enum/events/deleted',
  ),
  known(
    'calendar.calendar.changed_v4',
    [['calendar:calendar:read', 'calendar:calendar:readonly', 'calendar:calendar']],
    `${calendarEvents}calendar/events/changed`,
  ),
  known(
    'calendar.calendar.event.changed_v4',
    [['calendar:calendar.event:read', 'calendar:calendar:readonly', 'calendar:calendar']],
    `${calendarEvents}calendar-event/events/changed`,
  ),
  known(
    'drive.file.edit_v1',
    [['docs:event.document_edited:read', 'docs:doc', 'sheets:spreadsheet', 'drive:drive']],
    'https://open.larksuite.com/document/ukTMukTMukTM/uUDN04SN0QjL1QDN/event/file-edited',
  ),
  known(
    'corehr.department.deleted_v1',
    [['corehr:department:read', 'corehr:corehr:readonly', 'corehr:department:write']],
    `${DOCUMENTS}reference/corehr-v1/department/events/deleted`,
  ),
  known(
    'corehr.employee.domain_event_v2',
    [['corehr:employee.event:read']],
    `${DOCUMENTS}corehr-v2/employee/events/domain_event`,
  ),
]);

/**
 * The scopes that a method of the official SDK's client requires. The name contains the version if the client has no
 * default version of the method, or another version has other scopes.
 */
export const CALL_SCOPES: ReadonlyMap<string, Known> = new Map<string, Known>([
  known('im.message.create', [SEND], `${DOCUMENTS}reference/im-v1/message/create`),
  known('im.message.reply', [SEND], `${DOCUMENTS}reference/im-v1/message/reply`),
  known('im.message.get', [READ], `${DOCUMENTS}reference/im-v1/message/get`),
  known(
    'im.message.patch',
    [['im:message:send_as_bot', 'im:message:update', 'im:message']],
    'https://open.larksuite.com/document/server-docs/im-v1/message-card/patch',
  ),
  known(
    'im.message.delete',
    [['im:message:send_as_bot', 'im:message:recall', 'im:message']],
    `${DOCUMENTS}reference/im-v1/message/delete`,
  ),
  known(
    'im.messageReaction.create',
    [['im:message.reactions:write_only', 'im:message']],
    `${DOCUMENTS}reference/im-v1/message-reaction/create`,
  ),
  known(
    'im.messageResource.get',
    [['im:message:readonly', 'im:message', 'im:message.history:readonly']],
    `${DOCUMENTS}reference/im-v1/message-resource/get`,
  ),
  known('im.file.create', [['im:resource:upload', 'im:resource']], `${DOCUMENTS}reference/im-v1/file/create`),
  known('im.image.create', [['im:resource:upload', 'im:resource']], `${DOCUMENTS}reference/im-v1/image/create`),
  known('im.chat.create', [['im:chat:create', 'im:chat']], `${DOCUMENTS}reference/im-v1/chat/create`),
  known(
    'im.chatMembers.get',
    [[...CHAT_MEMBERS, 'im:chat.group_info:readonly', 'im:chat:readonly', 'im:chat']],
    'https://open.larksuite.com/document/server-docs/group/chat-member/get',
  ),
  known(
    'im.chatMembers.delete',
    [['im:chat.members:write_only', 'im:chat']],
    `${DOCUMENTS}reference/im-v1/chat-members/delete`,
  ),
  ...fromCli('im', {
    'im:chat:read': ['chat.get', 'chat.link', 'chat.list'],
    'im:chat:update': ['chat.update'],
    'im:chat.members:write_only': ['chatMembers.create'],
    'im:message': ['message.forward', 'message.mergeForward'],
    'im:message:readonly': ['message.readUsers'],
    'im:message.reactions:read': ['messageReaction.list', 'messageReaction.batchQuery'],
    'im:message.reactions:write_only': ['messageReaction.delete'],
    'im:message.pins:read': ['pin.list'],
    'im:message.pins:write_only': ['pin.create', 'pin.delete'],
  }),
  ...fromCli('calendar', {
    'calendar:calendar:read': ['calendar.get', 'calendar.list', 'calendar.primary', 'calendar.search'],
    'calendar:calendar:create': ['calendar.create'],
    'calendar:calendar:update': ['calendar.patch'],
    'calendar:calendar:delete': ['calendar.delete'],
    'calendar:calendar.event:read': ['calendarEvent.get', 'calendarEvent.instanceView', 'calendarEventAttendee.list'],
    'calendar:calendar.event:create': ['calendarEvent.create'],
    'calendar:calendar.event:update': [
      'calendarEvent.patch',
      'calendarEventAttendee.create',
      'calendarEventAttendee.batchDelete',
    ],
    'calendar:calendar.event:delete': ['calendarEvent.delete'],
    'calendar:calendar.free_busy:read': ['freebusy.list'],
  }),
  ...fromCli('task', {
    'task:task:read': ['v2.task.get', 'v2.task.list', 'v2.taskSubtask.list'],
    'task:task:write': [
      'v2.task.create',
      'v2.task.patch',
      'v2.task.delete',
      'v2.task.addMembers',
      'v2.task.removeMembers',
      'v2.taskSubtask.create',
    ],
    'task:tasklist:read': ['v2.tasklist.get', 'v2.tasklist.list', 'v2.tasklist.tasks'],
    'task:tasklist:write': [
      'v2.tasklist.create',
      'v2.tasklist.patch',
      'v2.tasklist.delete',
      'v2.tasklist.addMembers',
      'v2.tasklist.removeMembers',
    ],
    'task:section:read': ['v2.section.get', 'v2.section.list', 'v2.section.tasks'],
    'task:section:write': ['v2.section.create', 'v2.section.patch', 'v2.section.delete'],
  }),
  known('cardkit.v1.card.create', [CARD], `${DOCUMENTS}cardkit-v1/card/create`),
  known('cardkit.v1.card.update', [CARD], `${DOCUMENTS}cardkit-v1/card/update`),
  known('cardkit.v1.card.settings', [CARD], `${LARK_DOCUMENTS}cardkit-v1/card/settings`),
  known('cardkit.v1.cardElement.content', [CARD], `${DOCUMENTS}cardkit-v1/card-element/content`),
  known('cardkit.v1.cardElement.update', [CARD], `${DOCUMENTS}cardkit-v1/card-element/update`),
  known('contact.user.get', [USERS], `${DOCUMENTS}reference/contact-v3/user/get`),
  known('contact.user.batch', [['contact:contact.base:readonly']], `${DOCUMENTS}reference/contact-v3/user/batch`),
  known(
    'approval.instance.get',
    [['approval:approval:readonly', 'approval:instance', 'approval:approval']],
    `${DOCUMENTS}reference/approval-v4/instance/get`,
  ),
  known(
    'bitable.appTableRecord.update',
    [['base:record:update', 'bitable:app']],
    'https://open.feishu.cn/document/server-docs/docs/bitable-v1/app-table-record/update',
  ),
]);

function known(name: string, scopes: readonly ScopeChoice[], source: string): Entry {
  return [name, { scopes, source }];
}

/** @param methods the methods of a service, by the scope that the platform's command-line tool requests for them */
function fromCli(service: string, methods: Readonly<Record<string, readonly string[]>>): Entry[] {
  const source = `${PLATFORM_CLI}skills/lark-${service}/SKILL.md`;
  return Object.entries(methods).flatMap(([scope, names]) =>
    names.map((name) => known(`${service}.${name}`, [[scope]], source)),
  );
}
