import type { EventPayloads, EventPayloadsV1 } from '../feishu/event-types.ts';
import { APP, BOT_OPEN_ID, CHAT, TENANT, TIME, USER, uniqueId } from './sample-values.ts';

type Message = EventPayloads['im.message.receive_v1'];

/**
 * Creates a group message with unique ids.
 *
 * @param type the message's type
 * @param content written to `message.content` as JSON
 * @param fields add to the message's fields or replace them
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
 */
export function message(type: string, content: object, fields: Partial<Message['message']> = {}): Message {
  return {
    sender: { sender_id: USER, sender_type: 'user', tenant_key: TENANT },
    message: {
      message_id: `om_${uniqueId()}`,
      create_time: `${Date.now()}`,
      chat_id: CHAT,
      chat_type: 'group',
      message_type: type,
      content: JSON.stringify(content),
      ...fields,
    },
  };
}

const IMAGE_KEY = 'img_v3_02ab_8b6b9d2c-0000-4000-8000-example00000g';
const FILE_KEY = 'file_v3_00ab_8b6b9d2c-0000-4000-8000-example00000g';
const MILLISECONDS = `${TIME}000`;
const CALENDAR_EVENT = { summary: 'Weekly meeting', start_time: MILLISECONDS, end_time: `${TIME + 3600}000` };
const MENTION = {
  key: '@_user_1',
  id: { open_id: BOT_OPEN_ID },
  mentioned_type: 'bot',
  name: 'Echo',
  tenant_key: TENANT,
};

/** A message of each kind. */
export const MESSAGES = {
  text: () => message('text', { text: 'Hello, 世界 👋' }),
  mention: () => message('text', { text: '@_user_1 Hello, 世界 👋' }, { mentions: [MENTION] }),
  private: () => message('text', { text: 'Hello, 世界 👋' }, { chat_type: 'p2p' }),
  reply: () => {
    const root = `om_${uniqueId()}`;
    return message('text', { text: 'I agree' }, { root_id: root, parent_id: root, thread_id: `omt_${uniqueId()}` });
  },
  post: () =>
    message(
      'post',
      {
        title: 'Weekly report',
        content: [
          [
            { tag: 'text', text: 'Done by ', style: ['bold'] },
            { tag: 'at', user_id: '@_user_1', user_name: 'Echo', style: [] },
            { tag: 'text', text: ': ', style: [] },
            { tag: 'a', href: 'https://example.com/', text: '周报', style: [] },
          ],
          [{ tag: 'img', image_key: IMAGE_KEY, width: 300, height: 200 }],
        ],
      },
      { mentions: [MENTION] },
    ),
  image: () => message('image', { image_key: IMAGE_KEY }),
  file: () => message('file', { file_key: FILE_KEY, file_name: '周报.pdf' }),
  audio: () => message('audio', { file_key: FILE_KEY, duration: 2000 }),
  media: () => message('media', { file_key: FILE_KEY, image_key: IMAGE_KEY, file_name: 'Demo.mp4', duration: 2000 }),
  sticker: () => message('sticker', { file_key: FILE_KEY }),
  folder: () => message('folder', { file_key: FILE_KEY, file_name: '周报' }),
  interactive: () =>
    message('interactive', {
      title: 'Client visit',
      elements: [[{ tag: 'text', text: 'Approve?' }], [{ tag: 'button', text: 'Yes', type: 'primary' }]],
    }),
  hongbao: () => message('hongbao', { text: '恭喜发财' }),
  share_chat: () => message('share_chat', { chat_id: CHAT }),
  share_user: () => message('share_user', { user_id: USER.open_id }),
  location: () => message('location', { name: '天安门广场', longitude: '116.397755', latitude: '39.903179' }),
  system: () =>
    message('system', {
      template: '{from_user} invited {to_chatters} to this chat.',
      from_user: ['王芳'],
      to_chatters: ['李明', 'Echo'],
    }),
  video_chat: () => message('video_chat', { topic: 'Weekly meeting', start_time: MILLISECONDS }),
  todo: () =>
    message('todo', {
      task_id: '1234567b-0000-4000-8000-example00000',
      summary: { title: 'Weekly report', content: [[{ tag: 'text', text: '写周报', style: [] }]] },
      due_time: MILLISECONDS,
    }),
  vote: () => message('vote', { topic: 'Lunch', options: ['饺子', 'Noodles'] }),
  calendar: () => message('calendar', CALENDAR_EVENT),
  general_calendar: () => message('general_calendar', CALENDAR_EVENT),
  share_calendar_event: () =>
    message('share_calendar_event', {
      ...CALENDAR_EVENT,
      open_calendar_id: 'feishu.cn_0000000000000000000000@group.calendar.feishu.cn',
      open_event_id: '00000000-0000-4000-8000-000000000000_0',
    }),
  merge_forward: () => message('merge_forward', { content: 'Merged and Forwarded Message' }),
} satisfies Record<string, () => Message>;

/** v1.0 messages. There is no sample of an image, which consists only of a key. */
export const MESSAGES_V1 = {
  text: () => messageV1({ chat_type: 'private', msg_type: 'text', text: 'Hello, 世界 👋' }),
  mention: () =>
    messageV1({
      chat_type: 'group',
      msg_type: 'text',
      is_mention: true,
      text: '<at open_id="ou_echo">@Echo</at> Hello',
    }),
} satisfies Record<string, () => EventPayloadsV1['message']>;

function messageV1({ text = '', ...fields }: Partial<EventPayloadsV1['message']>): EventPayloadsV1['message'] {
  return {
    type: 'message',
    app_id: APP,
    tenant_key: TENANT,
    root_id: '',
    parent_id: '',
    open_chat_id: CHAT,
    chat_type: 'private',
    msg_type: 'text',
    open_id: USER.open_id,
    employee_id: USER.user_id,
    union_id: USER.union_id,
    open_message_id: `om_${uniqueId()}`,
    is_mention: false,
    text,
    text_without_at_bot: text.replace(/<at.*<\/at> /, ''),
    ...fields,
  };
}
