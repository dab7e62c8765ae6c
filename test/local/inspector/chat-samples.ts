import type { Chat, ChatMessage, ChatState, Person } from '../../../lib/local/inspector/wire.ts';

const person = (id: string, name: string): Person => ({ openId: `ou_${id}`, userId: id, unionId: `on_${id}`, name });
const text = (content: string) => ({ tag: 'plain_text', content });
const option = (value: string, content: string) => ({ text: text(content), value });

export const GROUP: Chat = {
  chatId: 'oc_group',
  name: 'Operations',
  mode: 'group',
  memberIds: ['ou_anna', 'ou_bo'],
};
export const DIRECT: Chat = { chatId: 'oc_direct', name: 'Anna', mode: 'p2p', memberIds: ['ou_anna'] };

const START = Date.UTC(2026, 10, 27, 2, 0);

/** @param content the message's content, before it is written as JSON */
export function createMessage(
  number: number,
  messageType: string,
  content: object,
  other: Partial<ChatMessage> = {},
): ChatMessage {
  return {
    messageId: `om_${number}`,
    chatId: GROUP.chatId,
    senderId: 'ou_anna',
    senderType: 'user',
    messageType,
    content: JSON.stringify(content),
    mentions: [],
    createdAt: START + number * 60_000,
    updatedAt: START + number * 60_000,
    isEdited: false,
    isDeleted: false,
    reactions: [],
    ...other,
  };
}

export const fromBot = { senderType: 'app', senderId: 'ou_bot' } as const;

/** A card of JSON 1.0 as a bot may send it. */
export const ALARM_CARD = {
  header: {
    template: 'red',
    title: text('Disk almost full'),
    subtitle: text('db-1, 27 November'),
    text_tag_list: [{ tag: 'text_tag', text: text('P1'), color: 'orange' }],
  },
  elements: [
    {
      tag: 'div',
      text: {
        tag: 'lark_md',
        content:
          "**91 %** of `/data` is used. <font color='green'>Backup done</font>, [runbook](https://example.com/runbook)",
      },
      fields: [
        { is_short: true, text: { tag: 'lark_md', content: '**Host**\ndb-1' } },
        { is_short: true, text: { tag: 'lark_md', content: '**Owner**\n<at id=ou_anna></at>' } },
      ],
    },
    { tag: 'hr' },
    { tag: 'img', img_key: 'img_graph', alt: text('Disk usage of the last day') },
    {
      tag: 'action',
      actions: [
        { tag: 'button', text: text('Acknowledge'), type: 'primary', value: { do: 'acknowledge' } },
        {
          tag: 'button',
          text: text('Delete logs'),
          type: 'danger',
          value: { do: 'delete' },
          confirm: { title: text('Delete the logs?'), text: text('They cannot be restored.') },
        },
        { tag: 'button', text: text('Escalate'), disabled: true, value: {} },
        { tag: 'select_static', placeholder: text('Assign to'), options: [option('a', 'Anna'), option('b', 'Bo')] },
        { tag: 'overflow', options: [option('mute', 'Mute for an hour')] },
        { tag: 'date_picker', placeholder: text('Remind me on') },
      ],
    },
    { tag: 'note', elements: [text('From the monitoring')] },
  ],
};

/** A card of JSON 2.0 with a form. */
export const FORM_CARD = {
  schema: '2.0',
  header: { template: 'blue', title: text('Request leave') },
  body: {
    elements: [
      { tag: 'markdown', content: 'You have **12 days** left:\n- 2 from last year\n- 10 from this year' },
      {
        tag: 'column_set',
        columns: [
          { tag: 'column', weight: 1, elements: [{ tag: 'markdown', content: '**Team**\nPlatform' }] },
          { tag: 'column', weight: 1, elements: [{ tag: 'markdown', content: '**Lead**\nBo' }] },
        ],
      },
      {
        tag: 'form',
        name: 'leave',
        elements: [
          {
            tag: 'date_picker',
            name: 'from',
            label: text('First day'),
            placeholder: text('First day'),
            required: true,
          },
          {
            tag: 'select_static',
            name: 'kind',
            placeholder: text('Kind'),
            options: [option('holiday', 'Holiday'), option('sick', 'Sick leave')],
          },
          {
            tag: 'multi_select_static',
            name: 'notify',
            placeholder: text('Notify'),
            options: [option('team', 'Team'), option('lead', 'Lead')],
          },
          { tag: 'input', name: 'reason', label: text('Reason'), placeholder: text('Optional') },
          { tag: 'checker', name: 'half', text: text('Half a day') },
          { tag: 'button', name: 'send', text: text('Submit'), type: 'primary', form_action_type: 'submit' },
        ],
      },
      {
        tag: 'collapsible_panel',
        header: { title: text('Rules') },
        elements: [{ tag: 'markdown', content: 'Two weeks in advance.' }],
      },
      {
        tag: 'table',
        columns: [
          { name: 'month', display_name: 'Month' },
          { name: 'days', display_name: 'Days' },
        ],
        rows: [{ month: 'July', days: 8 }],
      },
    ],
  },
};

/** Conversations with messages of every kind. */
export const CHAT: ChatState = {
  chats: [GROUP, DIRECT],
  people: [person('anna', 'Anna'), person('bo', 'Bo')],
  bot: { openId: 'ou_bot', name: 'Echo' },
  messages: [
    createMessage(
      1,
      'text',
      { text: '@_user_1 how is db-1? https://example.com/db-1' },
      { mentions: [{ key: '@_user_1', openId: 'ou_bot', name: 'Echo' }], reactions: ['OK', 'OK', 'THUMBSUP'] },
    ),
    createMessage(2, 'interactive', ALARM_CARD, { ...fromBot, parentId: 'om_1', rootId: 'om_1' }),
    createMessage(
      3,
      'post',
      {
        title: 'Plan',
        content: [
          [
            { tag: 'text', text: 'First ', style: ['bold'] },
            { tag: 'a', href: 'https://example.com/', text: 'the site' },
          ],
          [{ tag: 'at', user_id: '@_user_1', user_name: 'Echo' }],
          [{ tag: 'img', image_key: 'img_plan' }],
        ],
      },
      { senderId: 'ou_bo' },
    ),
    createMessage(4, 'image', { image_key: 'img_photo' }, { senderId: 'ou_bo', threadId: 'omt_1', rootId: 'om_3' }),
    createMessage(5, 'file', { file_key: 'file_1', file_name: 'report.pdf' }, { senderId: 'ou_bo' }),
    createMessage(6, 'text', { text: 'Fixed' }, { isEdited: true }),
    createMessage(7, 'text', { text: 'Secret' }, { isDeleted: true, senderId: 'ou_bo' }),
    createMessage(8, 'interactive', FORM_CARD, fromBot),
    createMessage(9, 'audio', { file_key: 'file_2', duration: 2000 }, { senderId: 'ou_bo' }),
    createMessage(10, 'text', { text: 'Hello' }, { chatId: DIRECT.chatId }),
  ],
};
