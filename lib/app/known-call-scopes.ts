import {
  DOCUMENTS,
  type Known,
  type KnownEntry,
  known,
  LARK_DOCUMENTS,
  PLATFORM_CLI,
  type ScopeChoice,
} from './known-scopes.ts';

const CARD: ScopeChoice = ['cardkit:card:write'];
const CONTACTS: ScopeChoice = ['contact:contact.base:readonly', 'contact:contact:readonly_as_app'];
const ORGANIZATION: ScopeChoice = [...CONTACTS, 'contact:department.organize:readonly'];
const USERS: ScopeChoice = [...CONTACTS, 'contact:contact:access_as_app', 'contact:contact:readonly'];
const READ: ScopeChoice = ['im:message:readonly', 'im:message'];
const READ_CHAT: ScopeChoice = ['im:chat:read', 'im:chat:readonly', 'im:chat'];
const SEND: ScopeChoice = ['im:message:send_as_bot', 'im:message'];
const WRITE_REACTIONS: ScopeChoice = ['im:message.reactions:write_only', 'im:message'];

/**
 * The scopes that a method of the official SDK's client requires. The name contains the version if the client has no
 * default version of the method, or another version has other scopes.
 */
export const CALL_SCOPES: ReadonlyMap<string, Known> = new Map<string, Known>([
  ...documented(`${DOCUMENTS}reference/im-v1/introduction`, 'im', [
    [SEND, ['message.create', 'message.reply', 'message.forward', 'message.mergeForward', 'message.pushFollowUp']],
    [SEND, ['thread.forward']],
    [READ, ['message.get', 'message.list', 'message.readUsers']],
    [
      ['im:message:send_as_bot', 'im:message:update', 'im:message'],
      ['message.update', 'message.patch'],
    ],
    [['im:message:send_as_bot', 'im:message:recall', 'im:message'], ['message.delete']],
    [['im:message.urgent'], ['message.urgentApp']],
    [['im:message.urgent:sms'], ['message.urgentSms']],
    [['im:message.urgent:phone'], ['message.urgentPhone']],
    [WRITE_REACTIONS, ['messageReaction.create', 'messageReaction.delete']],
    [['im:message.reactions:read', 'im:message:readonly'], ['messageReaction.list']],
    [
      ['im:message.pins:write_only', 'im:message:send_as_bot', 'im:message'],
      ['pin.create', 'pin.delete'],
    ],
    [['im:message.pins:read', 'im:message:readonly', 'im:message'], ['pin.list']],
    [undefined, ['image.get', 'file.get']],
  ]),
  known(
    'im.messageResource.get',
    [['im:message:readonly', 'im:message', 'im:message.history:readonly']],
    `${DOCUMENTS}reference/im-v1/message-resource/get`,
  ),
  known('im.file.create', [['im:resource:upload', 'im:resource']], `${DOCUMENTS}reference/im-v1/file/create`),
  known('im.image.create', [['im:resource:upload', 'im:resource']], `${DOCUMENTS}reference/im-v1/image/create`),
  ...documented(`${DOCUMENTS}group/overview`, 'im', [
    [['im:chat:create', 'im:chat'], ['chat.create']],
    [['im:chat:update', 'im:chat'], ['chat.update']],
    [['im:chat:delete', 'im:chat'], ['chat.delete']],
    [READ_CHAT, ['chat.get', 'chat.link']],
    [
      [...READ_CHAT, 'im:chat.group_info:readonly'],
      ['chat.list', 'chat.search'],
    ],
    [
      ['im:chat.members:write_only', 'im:chat'],
      ['chatMembers.create', 'chatMembers.delete', 'chatMembers.meJoin'],
    ],
    [
      ['im:chat.members:read', 'im:chat:readonly', 'im:chat', 'im:chat.group_info:readonly'],
      ['chatMembers.get', 'chatMembers.isInChat'],
    ],
    [
      ['im:chat.managers:write_only', 'im:chat'],
      ['chatManagers.addManagers', 'chatManagers.deleteManagers'],
    ],
    [['im:chat.moderation:read', 'im:chat:readonly', 'im:chat'], ['chatModeration.get']],
    [
      ['im:chat.top_notice:write_only', 'im:chat'],
      ['chatTopNotice.putTopNotice', 'chatTopNotice.deleteTopNotice'],
    ],
    [['im:chat.announcement:read', 'im:chat:readonly', 'im:chat'], ['chatAnnouncement.get']],
    [['im:chat.announcement:write_only', 'im:chat'], ['chatAnnouncement.patch']],
    [['im:chat.tabs:read', 'im:chat:readonly', 'im:chat'], ['chatTab.listTabs']],
    [
      ['im:chat.tabs:write_only', 'im:chat'],
      ['chatTab.create', 'chatTab.updateTabs', 'chatTab.sortTabs', 'chatTab.deleteTabs'],
    ],
    [['im:chat.menu_tree:read', 'im:chat:readonly', 'im:chat'], ['chatMenuTree.get']],
    [
      ['im:chat.menu_tree:write_only', 'im:chat'],
      ['chatMenuTree.create', 'chatMenuTree.sort', 'chatMenuItem.patch'],
    ],
  ]),
  ...fromCli('im', { 'im:message.reactions:read': ['messageReaction.batchQuery'] }),
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
  ...documented(`${DOCUMENTS}reference/contact-v3/resources`, 'contact', [
    [['contact:contact.base:readonly'], ['user.batch', 'department.batch']],
    [CONTACTS, ['department.get', 'employeeTypeEnum.list', 'customAttr.list', 'scope.list']],
    [ORGANIZATION, ['user.findByDepartment', 'department.children', 'department.parent']],
    [['contact:user.id:readonly'], ['user.batchGetId']],
    [['contact:contact'], ['user.create', 'user.delete', 'user.resurrect']],
    [['contact:user.base', 'contact:contact'], ['user.patch']],
    [['contact:contact'], ['department.create', 'department.delete', 'department.patch', 'department.update']],
    [['contact:group:readonly'], ['group.get', 'group.simplelist', 'group.memberBelong', 'groupMember.simplelist']],
    [['contact:group'], ['group.create', 'group.patch', 'group.delete']],
    [['contact:group'], ['groupMember.add', 'groupMember.batchAdd', 'groupMember.remove', 'groupMember.batchRemove']],
    [
      ['contact:functional_role:readonly', 'contact:functional_role'],
      ['functionalRoleMember.get', 'functionalRoleMember.list'],
    ],
    [
      ['contact:job_title:readonly', 'contact:contact:readonly_as_app'],
      ['jobTitle.get', 'jobTitle.list'],
    ],
    [
      ['contact:work_city:readonly', 'contact:contact:readonly_as_app'],
      ['workCity.get', 'workCity.list'],
    ],
  ]),
  ...documented(`${DOCUMENTS}reference/approval-v4/approval-overview`, 'approval', [
    [
      ['approval:definition', 'approval:approval'],
      ['approval.create', 'approval.subscribe', 'approval.unsubscribe'],
    ],
    [['approval:approval:readonly', 'approval:definition', 'approval:approval'], ['approval.get']],
    [['approval:instance', 'approval:approval'], ['instance.create']],
    [['approval:approval:readonly', 'approval:instance', 'approval:approval'], ['instance.get']],
    [['approval:instance', 'approval:approval:readonly', 'approval:approval'], ['instance.cancel']],
    [['approval:approval:readonly'], ['instance.list', 'instance.preview', 'instance.cc']],
    [['approval:approval.list:readonly'], ['instance.query', 'instance.searchCc']],
    [
      ['approval:task', 'approval:approval:readonly', 'approval:approval'],
      ['task.approve', 'task.reject', 'task.transfer', 'task.resubmit', 'instance.specifiedRollback'],
    ],
    [['approval:approval:readonly'], ['instance.addSign']],
    [['approval:approval:readonly', 'approval:approval.list:readonly'], ['task.search']],
    [['approval:approval:readonly', 'approval:task:list_by_user'], ['task.query']],
    [
      ['approval:instance.comment', 'approval:approval'],
      ['instanceComment.create', 'instanceComment.delete', 'instanceComment.remove'],
    ],
    [['approval:instance.comment', 'approval:approval:readonly', 'approval:approval'], ['instanceComment.list']],
  ]),
  known(
    'bitable.appTableRecord.update',
    [['base:record:update', 'bitable:app']],
    'https://open.feishu.cn/document/server-docs/docs/bitable-v1/app-table-record/update',
  ),
]);

/** @param rows methods of a service, by the scopes of which the platform's documents require one */
function documented(
  source: string,
  service: string,
  rows: readonly (readonly [ScopeChoice | undefined, readonly string[]])[],
): KnownEntry[] {
  return rows.flatMap(([choice, names]) =>
    names.map((name) => known(`${service}.${name}`, choice === undefined ? [] : [choice], source)),
  );
}

/** @param methods the methods of a service, by the scope that the platform's command-line tool requests for them */
function fromCli(service: string, methods: Readonly<Record<string, readonly string[]>>): KnownEntry[] {
  const source = `${PLATFORM_CLI}skills/lark-${service}/SKILL.md`;
  return Object.entries(methods).flatMap(([scope, names]) =>
    names.map((name) => known(`${service}.${name}`, [[scope]], source)),
  );
}
