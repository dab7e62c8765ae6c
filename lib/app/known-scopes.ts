/**
 * Scopes of which one is enough, the one to request first: the platform lists them under "any of these scopes".
 */
export type ScopeChoice = readonly [string, ...string[]];

export interface Known {
  scopes: readonly ScopeChoice[];
  /** Where the platform says so. */
  source: string;
}

export type KnownEntry = readonly [name: string, known: Known];

/** The pages of the platform's documents and the files of the platform's own command-line tool. */
export const DOCUMENTS = 'https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/';
export const LARK_DOCUMENTS = 'https://open.larksuite.com/document/uAjLw4CM/ukTMukTMukTM/';
export const PLATFORM_CLI = 'https://github.com/larksuite/cli/blob/main/';

const CONTACTS: ScopeChoice = [
  'contact:contact.base:readonly',
  'contact:contact:readonly_as_app',
  'contact:contact:access_as_app',
];
const DEPARTMENTS: ScopeChoice = ['contact:contact:readonly_as_app', 'contact:contact:access_as_app'];
const BOT_MEMBERSHIP: ScopeChoice = ['im:chat.members:bot_access', 'im:chat:readonly', 'im:chat'];
const CHAT_MEMBERS: ScopeChoice = ['im:chat.members:read', 'im:chat:readonly', 'im:chat'];
const CHAT: ScopeChoice = ['im:chat:read', 'im:chat:readonly', 'im:chat'];
const READ: ScopeChoice = ['im:message:readonly', 'im:message'];
const READ_REACTIONS: ScopeChoice = ['im:message.reactions:read', 'im:message:readonly'];
const CALENDAR_ACCESS: ScopeChoice = ['calendar:calendar.acl:read', 'calendar:calendar:readonly', 'calendar:calendar'];
const MEETING: ScopeChoice = ['vc:meeting:readonly'];
const ROOM: ScopeChoice = ['vc:room:readonly', 'vc:room'];
const APPROVAL: ScopeChoice = ['approval:approval:readonly', 'approval:approval'];
const HELPDESK: ScopeChoice = ['helpdesk:all:readonly'];

const imOverview = `${DOCUMENTS}reference/im-v1/introduction`;
const groupOverview = `${DOCUMENTS}group/overview`;
const contactOverview = `${DOCUMENTS}reference/contact-v3/resources`;
const vcOverview = `${DOCUMENTS}reference/vc-v1/video-conferencing-overview`;
const approvalOverview = `${DOCUMENTS}reference/approval-v4/approval-overview`;
const calendarEvents = `${DOCUMENTS}reference/calendar-v4/`;
const appEvents = `${DOCUMENTS}application-v6/`;

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
  known('im.message.recalled_v1', [READ], imOverview),
  known('im.message.reaction.created_v1', [READ_REACTIONS], imOverview),
  known('im.message.reaction.deleted_v1', [READ_REACTIONS], imOverview),
  known('im.chat.member.bot.added_v1', [BOT_MEMBERSHIP], `${DOCUMENTS}reference/im-v1/chat-member-bot/events/added`),
  known('im.chat.member.bot.deleted_v1', [BOT_MEMBERSHIP], groupOverview),
  known('im.chat.member.user.added_v1', [CHAT_MEMBERS], groupOverview),
  known('im.chat.member.user.withdrawn_v1', [CHAT_MEMBERS], groupOverview),
  known('im.chat.member.user.deleted_v1', [CHAT_MEMBERS], groupOverview),
  known('im.chat.updated_v1', [CHAT], groupOverview),
  known('im.chat.disbanded_v1', [CHAT], groupOverview),
  known('contact.user.created_v3', [CONTACTS], `${DOCUMENTS}reference/contact-v3/user/events/created`),
  known('contact.user.updated_v3', [CONTACTS], contactOverview),
  known('contact.user.deleted_v3', [CONTACTS], contactOverview),
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
  known('contact.department.deleted_v3', [CONTACTS], contactOverview),
  known('contact.employee_type_enum.created_v3', [CONTACTS], contactOverview),
  known('contact.employee_type_enum.actived_v3', [CONTACTS], contactOverview),
  known('contact.employee_type_enum.deactivated_v3', [CONTACTS], contactOverview),
  known('contact.employee_type_enum.updated_v3', [CONTACTS], contactOverview),
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
  known('calendar.calendar.acl.created_v4', [CALENDAR_ACCESS], `${calendarEvents}calendar-acl/events/created`),
  known('calendar.calendar.acl.deleted_v4', [CALENDAR_ACCESS], `${calendarEvents}calendar-acl/events/deleted`),
  known(
    'meeting_room.meeting_room.status_changed_v1',
    [['calendar:room:readonly']],
    `${DOCUMENTS}reference/meeting_room-v1/meeting_room/events/status_changed`,
  ),
  ...[
    'meeting_started',
    'meeting_ended',
    'join_meeting',
    'leave_meeting',
    'recording_started',
    'recording_ended',
    'recording_ready',
    'share_started',
    'share_ended',
  ].map((event) => known(`vc.meeting.${event}_v1`, [MEETING], vcOverview)),
  ...['created', 'updated', 'deleted'].map((event) =>
    known(`vc.room.${event}_v1`, [ROOM], `${DOCUMENTS}reference/vc-v1/room/events/${event}`),
  ),
  known(
    'vc.room_level.deleted_v1',
    [['vc:rooms.roomlevel:read', 'vc:rooms.roomlevel:delete', ...ROOM]],
    `${DOCUMENTS}reference/vc-v1/room_level/events/deleted`,
  ),
  known('approval.approval.updated_v4', [APPROVAL], approvalOverview),
  known('approval.instance.trip_group_update_v4', [APPROVAL], approvalOverview),
  known(
    'approval.instance.remedy_group_update_v4',
    [APPROVAL],
    'https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/attendance-record-correction',
  ),
  known(
    'task.task.update_tenant_v1',
    [['task:task.event_update_tenant:readonly']],
    'https://open.feishu.cn/document/server-docs/task-v1/task/events/update_tenant',
  ),
  known(
    'task.task.update_user_access_v2',
    [['task:task:read']],
    `${PLATFORM_CLI}skills/lark-event/references/lark-event-task.md`,
  ),
  known('application.application.created_v6', [['admin:app.info:readonly']], `${appEvents}application/events/created`),
  ...['publish_apply', 'publish_revoke'].map((event) =>
    known(
      `application.application.app_version.${event}_v6`,
      [['application:application.app_version:readonly']],
      `${appEvents}application-app_version/events/${event}`,
    ),
  ),
  known(
    'application.application.feedback.updated_v6',
    [['application:application.feedback.feedback_info']],
    `${appEvents}application-feedback/events/updated`,
  ),
  known('helpdesk.ticket.created_v1', [HELPDESK], `${DOCUMENTS}helpdesk-v1/ticket/events/created`),
  known('helpdesk.ticket_message.created_v1', [HELPDESK], `${DOCUMENTS}helpdesk-v1/ticket_message/events/created`),
  known(
    'drive.notice.comment_add_v1',
    [['docs:document.comment:read']],
    `${DOCUMENTS}reference/drive-v1/notice/events/comment_add`,
  ),
  known(
    'drive.file.read_v1',
    [['docs:event.document_opened:read', 'docs:doc', 'sheets:spreadsheet', 'drive:drive']],
    'https://open.feishu.cn/document/server-docs/docs/drive-v1/event/list/file-read',
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

/** Creates an entry of a table. */
export function known(name: string, scopes: readonly ScopeChoice[], source: string): KnownEntry {
  return [name, { scopes, source }];
}
