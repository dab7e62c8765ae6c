import { randomUUID } from 'node:crypto';
import type { EventPayloads, EventPayloadsV1 } from '../feishu/event-types.ts';
import { APP, CHAT, MESSAGE, TENANT, TIME, USER, uniqueId } from './sample-values.ts';

type Variants<Payloads> = { [Type in keyof Payloads]?: Record<string, () => Payloads[Type]> };

const MILLISECONDS = `${TIME}000`;
const GROUP = {
  chat_id: CHAT,
  operator_id: USER,
  external: false,
  operator_tenant_key: TENANT,
  name: 'Project',
  i18n_names: { zh_cn: '项目', en_us: 'Project', ja_jp: 'プロジェクト' },
};
const MEMBER = {
  object: {
    open_id: USER.open_id,
    union_id: USER.union_id,
    user_id: USER.user_id,
    name: '王芳',
    en_name: 'Fang Wang',
    email: 'fang.wang@example.com',
    mobile: '+8613000000000',
    job_title: 'Engineer',
    gender: 2,
    status: { is_frozen: false, is_resigned: false, is_activated: true, is_exited: false, is_unjoin: false },
    department_ids: ['od_4e6ac4d14bcd5071a37a39de902c7141'],
    city: '杭州',
    country: 'CN',
    join_time: TIME,
    employee_no: '1001',
    employee_type: 1,
    time_zone: 'Asia/Shanghai',
  },
};
const reaction = () => ({
  message_id: `om_${uniqueId()}`,
  reaction_type: { emoji_type: 'THUMBSUP' },
  operator_type: 'user',
  user_id: USER,
  action_time: MILLISECONDS,
});

/** Realistic v2.0 events. */
export const EVENTS = {
  'application.bot.menu_v6': {
    menu: () => ({
      operator: { operator_name: '王芳', operator_id: USER },
      event_key: 'help',
      timestamp: TIME,
    }),
  },
  'approval.approval.updated_v4': {
    updated: () => ({
      object: {
        approval_id: '7090754740375519252',
        approval_code: randomUUID().toUpperCase(),
        version_id: '7090755014490562580',
        widget_group_type: 1,
        form_definition_id: '',
        process_obj: '',
        timestamp: MILLISECONDS,
        extra: '',
      },
    }),
  },
  'contact.user.created_v3': { created: () => MEMBER },
  'im.chat.access_event.bot_p2p_chat_entered_v1': {
    entered: () => ({
      chat_id: CHAT,
      operator_id: USER,
      last_message_id: MESSAGE,
      last_message_create_time: MILLISECONDS,
    }),
  },
  'im.chat.member.bot.added_v1': { added: () => GROUP },
  'im.chat.member.bot.deleted_v1': { deleted: () => GROUP },
  'im.chat.member.user.added_v1': {
    added: () => ({ ...GROUP, users: [{ name: '王芳', tenant_key: TENANT, user_id: USER }] }),
  },
  'im.chat.member.user.deleted_v1': {
    deleted: () => ({ ...GROUP, users: [{ name: '王芳', tenant_key: TENANT, user_id: USER }] }),
  },
  'im.message.message_read_v1': {
    read: () => ({
      reader: { reader_id: USER, read_time: MILLISECONDS, tenant_key: TENANT },
      message_id_list: [`om_${uniqueId()}`, `om_${uniqueId()}`],
    }),
  },
  'im.message.reaction.created_v1': { reaction },
  'im.message.reaction.deleted_v1': { reaction },
  'im.message.recalled_v1': {
    recalled: () => ({
      message_id: `om_${uniqueId()}`,
      chat_id: CHAT,
      recall_time: MILLISECONDS,
      recall_type: 'message_owner',
    }),
  },
} satisfies Variants<EventPayloads>;

const ORIGIN = { app_id: APP, tenant_key: TENANT };
const REQUESTER = { open_id: USER.open_id, user_id: USER.user_id };
const TWO_HOURS = { start_time: TIME, end_time: TIME + 7200 };
const FROM = '2026-11-23 09:00:00';
const TO = '2026-11-23 11:00:00';

const approvalInstance = (status: string) => ({
  ...ORIGIN,
  type: 'approval_instance',
  approval_code: '7C468A54-8745-2245-9675-08B7C63E7A85',
  instance_code: randomUUID().toUpperCase(),
  status,
  operate_time: MILLISECONDS,
  instance_operate_time: MILLISECONDS,
});
const approvalTask = (status: string) => ({
  ...ORIGIN,
  ...REQUESTER,
  type: 'approval_task',
  approval_code: '7C468A54-8745-2245-9675-08B7C63E7A85',
  instance_code: randomUUID().toUpperCase(),
  task_id: '7090754740375519252',
  status,
  operate_time: MILLISECONDS,
  custom_key: '',
  def_key: '',
  extra: '',
});

/** Realistic v1.0 events. */
export const EVENTS_V1 = {
  add_bot: {
    added: () => ({
      ...ORIGIN,
      type: 'add_bot',
      chat_i18n_names: { en_us: 'Project', zh_cn: '项目' },
      chat_name: '项目',
      chat_owner_employee_id: USER.user_id,
      chat_owner_name: '王芳',
      chat_owner_open_id: USER.open_id,
      open_chat_id: CHAT,
      operator_employee_id: USER.user_id,
      operator_name: '王芳',
      operator_open_id: USER.open_id,
      owner_is_bot: false,
    }),
  },
  app_ticket: { ticket: () => ({ type: 'app_ticket', app_id: APP, app_ticket: `example-ticket-${uniqueId()}` }) },
  approval_instance: {
    pending: () => approvalInstance('PENDING'),
    approved: () => approvalInstance('APPROVED'),
    rejected: () => approvalInstance('REJECTED'),
    canceled: () => approvalInstance('CANCELED'),
  },
  approval_task: {
    pending: () => approvalTask('PENDING'),
    approved: () => approvalTask('APPROVED'),
    rejected: () => approvalTask('REJECTED'),
    transferred: () => approvalTask('TRANSFERRED'),
  },
  leave_approvalV2: {
    annual: () => ({
      ...ORIGIN,
      ...REQUESTER,
      ...TWO_HOURS,
      type: 'leave_approvalV2',
      instance_code: randomUUID().toUpperCase(),
      origin_instance_code: '',
      leave_feeding_arrive_late: 0,
      leave_feeding_leave_early: 0,
      leave_feeding_rest_daily: 0,
      leave_name: '@i18n@leave',
      leave_unit: 'HOUR',
      leave_start_time: FROM,
      leave_end_time: TO,
      leave_detail: [[TIME, TIME + 7200]],
      leave_range: [[TIME, TIME + 7200]],
      leave_interval: 7200,
      leave_reason: '看病',
      i18n_resources: [{ locale: 'zh_cn', is_default: true, texts: { '@i18n@leave': '年假' } }],
    }),
  },
  out_approval: {
    visit: () => ({
      ...ORIGIN,
      ...REQUESTER,
      ...TWO_HOURS,
      type: 'out_approval',
      instance_code: randomUUID().toUpperCase(),
      out_image: '',
      out_interval: 7200,
      out_name: '@i18n@visit',
      out_reason: '拜访客户',
      out_unit: 'HOUR',
      out_start_time: FROM,
      out_end_time: TO,
      i18n_resources: [{ locale: 'zh_cn', is_default: true, texts: { '@i18n@visit': '外出' } }],
    }),
  },
  p2p_chat_create: {
    created: () => ({
      ...ORIGIN,
      type: 'p2p_chat_create',
      chat_id: CHAT,
      operator: REQUESTER,
      user: { name: '王芳', ...REQUESTER },
    }),
  },
} satisfies Variants<EventPayloadsV1>;
