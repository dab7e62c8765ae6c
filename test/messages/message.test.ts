import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type EventContext, onEvent } from '../../lib/handler.ts';
import { type ReceivedMessage, readMessage } from '../../lib/messages/message.ts';
import { MESSAGES, message } from '../../lib/samples/messages.ts';
import { type EventRunOptions, run } from '../../lib/testing/run.ts';

type Payload = ReturnType<typeof message>;

/** Runs a function with the message of an event, as a handler does. */
async function read<Result>(
  payload: Payload,
  use: (message: ReceivedMessage, context: EventContext) => Result,
  options: EventRunOptions = {},
) {
  let value: Awaited<Result> | undefined;
  const handler = onEvent('im.message.receive_v1', async (event, context) => {
    value = await use(readMessage(event, context), context);
  });
  const result = await run(handler, payload, options);
  return { result, value: value as Awaited<Result> };
}

/** The text and the Markdown of a message. */
async function textsOf(payload: Payload) {
  const { value } = await read(payload, ({ text, markdown }) => ({ text, markdown }));
  return value;
}

const TEXTS: Record<keyof typeof MESSAGES, string> = {
  text: 'Hello, 世界 👋',
  mention: '@Echo Hello, 世界 👋',
  private: 'Hello, 世界 👋',
  reply: 'I agree',
  post: 'Weekly report\nDone by @Echo: 周报 (https://example.com/)\n[image]',
  image: '[image]',
  file: '[file: 周报.pdf]',
  audio: '[audio: 2 s]',
  media: '[video: Demo.mp4, 2 s]',
  sticker: '[sticker]',
  folder: '[folder: 周报]',
  interactive: 'Client visit\nApprove?\n[Yes]',
  hongbao: '[red packet: 恭喜发财]',
  share_chat: '[chat: oc_5ce6d572455d361153b7xx51da133945]',
  share_user: '[contact: ou_84aad35d084aa403a838cf73ee18467]',
  location: '[location: 天安门广场, 39.903179, 116.397755]',
  system: '王芳 invited 李明, Echo to this chat.',
  video_chat: '[video meeting: Weekly meeting, 2026-11-23T01:00:00.000Z]',
  todo: '[task: due 2026-11-23T01:00:00.000Z]\nWeekly report\n写周报',
  vote: '[vote: Lunch]\n- 饺子\n- Noodles',
  calendar: '[calendar event: Weekly meeting, 2026-11-23T01:00:00.000Z to 2026-11-23T02:00:00.000Z]',
  general_calendar: '[calendar event: Weekly meeting, 2026-11-23T01:00:00.000Z to 2026-11-23T02:00:00.000Z]',
  share_calendar_event: '[calendar event: Weekly meeting, 2026-11-23T01:00:00.000Z to 2026-11-23T02:00:00.000Z]',
  merge_forward: '[forwarded messages]',
};

describe('The text of a message', () => {
  it.each(Object.entries(TEXTS))('of type %s is complete', async (type, text) => {
    expect((await textsOf(MESSAGES[type as keyof typeof MESSAGES]())).text).toBe(text);
  });

  it('is Markdown on request', async () => {
    const { markdown } = await textsOf(MESSAGES.post());
    const key = 'img_v3_02ab_8b6b9d2c-0000-4000-8000-example00000g';
    expect(markdown).toBe(`**Weekly report**\n**Done by** @Echo: [周报](https://example.com/)\n![image](${key})`);
  });

  it('is a placeholder if the type or the content is unknown', async () => {
    expect(await textsOf(message('hologram', {}))).toEqual({ text: '[hologram]', markdown: '[hologram]' });
    expect(
      (await textsOf({ ...message('text', {}), message: { ...message('text', {}).message, content: '{' } })).text,
    ).toBe('');
    expect((await textsOf(message('constructor', {}))).text).toBe('[constructor]');
  });

  const mention = (key: string, name: string, openId: string) => ({ key, name, id: { open_id: openId } });

  it.each([
    ['a tenth mention', { text: '@_user_10 and @_user_1' }, '@Ten and @One'],
    ['everybody', { text: '@_all look' }, '@all look'],
    ['indented code', { text: '@_user_1\n  if (a) {\n    b();\n  }' }, '@One\n  if (a) {\n    b();\n  }'],
    ['a placeholder without a mention', { text: '@_user_7 hi' }, '@_user_7 hi'],
  ])('keeps %s', async (_, content, text) => {
    const mentions = [mention('@_user_1', 'One', 'ou_1'), mention('@_user_10', 'Ten', 'ou_10')];
    expect((await textsOf(message('text', content, { mentions }))).text).toBe(text);
  });

  it.each<[string, object, string, string]>([
    ['an emoji', { tag: 'emotion', emoji_type: 'SMILE' }, '[SMILE]', '[SMILE]'],
    ['a file', { tag: 'file', file_key: 'f', file_name: 'a.pdf' }, '[file: a.pdf]', '[file: a.pdf]'],
    ['a video', { tag: 'media', file_key: 'f' }, '[video]', '[video]'],
    ['code', { tag: 'code_block', language: 'GO', text: 'a\n  b\n' }, 'a\n  b\n', '```go\na\n  b\n```'],
    ['escaped text', { tag: 'text', un_escape: true, text: 'a &lt; b&nbsp;&amp;lt;' }, 'a < b &lt;', 'a < b &lt;'],
    ['text that is not escaped', { tag: 'text', text: 'a &lt; b' }, 'a &lt; b', 'a &lt; b'],
    ['bold, italic text', { tag: 'text', text: ' a ', style: ['bold', 'italic'] }, ' a ', ' ***a*** '],
    ['code in a line', { tag: 'text', text: 'a b', style: ['codeInline', 'bold'] }, 'a b', '**`a b`**'],
    ['Markdown', { tag: 'md', text: '**a** @_user_1' }, '**a** @One', '**a** @One'],
    ['a mention', { tag: 'at', user_id: '@_user_1' }, '@One', '@One'],
    ['a mention of everybody', { tag: 'at', user_id: 'all' }, '@all', '@all'],
    [
      'a link without a text',
      { tag: 'a', href: 'https://example.com/' },
      'https://example.com/',
      '[https://example.com/](https://example.com/)',
    ],
    ['a rule', { tag: 'hr' }, '---', '---'],
    ['a part of an unknown type', { tag: 'unknown' }, '', ''],
  ])('of a post keeps %s', async (_, part, text, markdown) => {
    const mentions = [mention('@_user_1', 'One', 'ou_1')];
    const body = { title: '', content: [[part]] };
    expect(await textsOf(message('post', body, { mentions }))).toEqual({ text, markdown });
    expect(await textsOf(message('post', { zh_cn: body }, { mentions }))).toEqual({ text, markdown });
  });

  it.each<[string, object, string]>([
    [
      'JSON 1.0',
      {
        header: { title: { tag: 'plain_text', content: 'Leave' } },
        elements: [
          {
            tag: 'div',
            text: { tag: 'lark_md', content: '**3** days' },
            fields: [{ text: { tag: 'plain_text', content: 'From: Li' } }],
          },
          { tag: 'column_set', columns: [{ tag: 'column', elements: [{ tag: 'markdown', content: 'In a column' }] }] },
          {
            tag: 'action',
            actions: [
              { tag: 'button', text: { tag: 'plain_text', content: 'Approve' } },
              { tag: 'select_static', placeholder: { content: 'Choose' } },
            ],
          },
          { tag: 'note', elements: [{ tag: 'plain_text', content: 'A note' }] },
        ],
      },
      'Leave\n**3** days\nFrom: Li\nIn a column\n[Approve][Choose]\nA note',
    ],
    [
      'JSON 2.0',
      {
        schema: '2.0',
        header: { title: { content: 'Report' }, subtitle: { content: 'November' } },
        body: {
          elements: [
            { tag: 'form', elements: [{ tag: 'input', label: { content: 'Reason' } }] },
            {
              tag: 'collapsible_panel',
              header: { title: { content: 'Details' } },
              elements: [{ tag: 'markdown', content: 'Hidden' }],
            },
            {
              tag: 'table',
              columns: [{ name: 'a', display_name: 'A' }, { name: 'b' }],
              rows: [{ a: 1, b: [{ text: 'x' }, { text: 'y' }] }],
            },
            { tag: 'chart', chart_spec: {} },
          ],
        },
      },
      'Report\nNovember\nReason\nDetails\nHidden\n| A | b |\n| 1 | x, y |\n[chart]',
    ],
    [
      'the JSON that the API returns',
      { json_card: '{"body":{"property":{"elements":[{"tag":"markdown","property":{"content":"From the API"}}]}}}' },
      'From the API',
    ],
    ['no content', {}, ''],
  ])('of a card contains the text of %s', async (_, card, text) => {
    expect((await textsOf(message('interactive', card))).text).toBe(text);
  });

  it('is available without mentions', async () => {
    const mentions = [mention('@_user_1', 'One', 'ou_1')];
    const text = async (content: string) =>
      (await read(message('text', { text: content }, { mentions }), (received) => received.textWithoutMentions)).value;
    expect(await text('@_user_1 what is @One?')).toBe('what is @One?');
    expect(await text('Hi @_user_1, hello @_all')).toBe('Hi, hello');
  });
});

describe('A message', () => {
  const bot = (openId: string) => ({ request: () => ({ code: 0, bot: { open_id: openId } }) });
  let apps = 0;
  /** A tenant whose bot is not yet known. */
  const header = () => {
    apps += 1;
    return { tenant: `tenant-${apps}` };
  };

  it('says whether the bot is mentioned, and requests its id once', async () => {
    const mentions = [{ key: '@_user_1', name: 'Echo', id: { open_id: 'ou_bot' } }];
    const payload = message('text', { text: '@_user_1 hi' }, { mentions });
    const options = { header: header(), feishu: bot('ou_bot') as never };
    const use = async (received: ReceivedMessage) => [await received.isMentioned(), await received.isMentioned()];
    const first = await read(payload, use, options);
    expect(first.value).toEqual([true, true]);
    expect(first.result.calls.map(({ name }) => name)).toEqual(['request']);
    const second = await read(payload, use, options);
    expect(second.value).toEqual([true, true]);
    expect(second.result.calls).toEqual([]);
    expect((await read(payload, use, { header: header(), feishu: bot('ou_other') as never })).value).toEqual([
      false,
      false,
    ]);
  });

  it('mentions the bot in a test without stubs if it is the sample of a mention', async () => {
    const use = (received: ReceivedMessage) => received.isMentioned();
    expect((await read(MESSAGES.mention(), use, { header: header() })).value).toBe(true);
  });

  it('requests nothing without a mention', async () => {
    const { value, result } = await read(MESSAGES.text(), (received) => received.isMentioned());
    expect(value).toBe(false);
    expect(result.calls).toEqual([]);
  });

  it('fails with advice if the app has no bot, and requests it again', async () => {
    const tenant = header();
    const payload = message(
      'text',
      { text: '@_user_1' },
      { mentions: [{ key: '@_user_1', name: 'E', id: { open_id: 'ou_bot' } }] },
    );
    const use = (received: ReceivedMessage) => received.isMentioned();
    const feishu = { request: async () => ({ code: 0 }) };
    const { result } = await read(payload, use, { header: tenant, feishu });
    expect(result).toMatchObject({
      outcome: 'retrying',
      error: { message: expect.stringContaining('Add the bot capability') },
    });
    expect((await read(payload, use, { header: tenant, feishu: bot('ou_bot') as never })).value).toBe(true);
  });

  it('describes its chat and sender', async () => {
    const payload = MESSAGES.reply();
    const { value } = await read(
      payload,
      ({ chatId, isPrivate, senderOpenId, createdAt, threadId, parentId, mentionsAll }) => ({
        chatId,
        isPrivate,
        senderOpenId,
        createdAt,
        threadId,
        parentId,
        mentionsAll,
      }),
    );
    expect(value).toEqual({
      chatId: payload.message.chat_id,
      isPrivate: false,
      senderOpenId: payload.sender.sender_id?.open_id,
      createdAt: new Date(Number(payload.message.create_time)),
      threadId: payload.message.thread_id,
      parentId: payload.message.parent_id,
      mentionsAll: false,
    });
    expect((await read(MESSAGES.private(), ({ isPrivate }) => isPrivate)).value).toBe(true);
    for (const user_id of ['all', '@_all']) {
      const post = message('post', { title: '', content: [[{ tag: 'at', user_id }]] });
      expect((await read(post, ({ mentionsAll }) => mentionsAll)).value).toBe(true);
    }
  });

  it('downloads its attachments', async () => {
    const get = ({ path, params }: { path: object; params: object }) => ({
      getReadableStream: () => Readable.from([JSON.stringify({ path, params })]),
      headers: { 'content-length': '7' },
    });
    const download = async (payload: Payload) => {
      const { value } = await read(
        payload,
        async ({ attachments }) => {
          const downloads = attachments.map(async ({ download: start, ...resource }) => {
            const { stream, size } = await start();
            return { ...resource, size, ...JSON.parse((await stream.toArray()).join('')) };
          });
          return await Promise.all(downloads);
        },
        { feishu: { im: { messageResource: { get } } } as never },
      );
      return value;
    };
    const media = MESSAGES.media();
    const { file_key: key } = JSON.parse(media.message.content);
    expect(await download(media)).toEqual([
      {
        kind: 'video',
        key,
        name: 'Demo.mp4',
        durationMilliseconds: 2000,
        size: 7,
        path: { message_id: media.message.message_id, file_key: key },
        params: { type: 'file' },
      },
    ]);
    expect(await download(MESSAGES.post())).toMatchObject([{ kind: 'image', params: { type: 'image' } }]);
    expect(await download(MESSAGES.file())).toMatchObject([{ kind: 'file', name: '周报.pdf' }]);
    expect(await download(MESSAGES.audio())).toMatchObject([{ kind: 'audio' }]);
    expect(await download(MESSAGES.image())).toMatchObject([{ kind: 'image' }]);
    for (const type of ['sticker', 'folder', 'text', 'interactive', 'merge_forward'] as const)
      expect(await download(MESSAGES[type]())).toEqual([]);
  });

  it('requests quoted and forwarded messages', async () => {
    const item = (id: string, text: string) => ({
      message_id: id,
      msg_type: 'text',
      body: { content: JSON.stringify({ text }) },
      mentions: [{ key: '@_user_1', id: 'ou_1', id_type: 'open_id', name: 'One', tenant_key: 't' }],
    });
    const get = ({ path }: { path: { message_id: string } }) => ({
      code: 0,
      data: { items: [item(path.message_id, '@_user_1 hi'), item('om_2', 'second')] },
    });
    const feishu = { im: { message: { get } } } as never;
    const quoted = await read(MESSAGES.reply(), async (received) => (await received.quoted())?.text, { feishu });
    expect(quoted.value).toBe('@One hi');
    expect((await read(MESSAGES.text(), (received) => received.quoted())).value).toBeUndefined();
    const forwarded = await read(MESSAGES.merge_forward(), (received) => received.forwarded(), { feishu });
    expect(forwarded.value.map(({ id, text }) => [id, text])).toEqual([['om_2', 'second']]);
    expect((await read(MESSAGES.text(), (received) => received.forwarded())).value).toEqual([]);
  });
});
