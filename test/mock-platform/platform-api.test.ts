import { buffer as readBuffer } from 'node:stream/consumers';
import { Client } from '@larksuiteoapi/node-sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ApiCall, createApis } from '../../lib/mock-platform/mock-platform.ts';
import { Routes } from '../../lib/mock-platform/routes.ts';
import { sdkRoutes } from '../../lib/mock-platform/sdk-apis.ts';
import { startMockPlatform } from '../../lib/mock-platform/start-mock-platform.ts';
import { BOT_OPEN_ID, CHAT, MESSAGE, USER } from '../../lib/samples/sample-values.ts';
import { createSample, samplePayload } from '../../lib/samples/samples.ts';

const SILENT = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };
const text = (content: string) => JSON.stringify({ text: content });
const CARD = JSON.stringify({ elements: [{ tag: 'markdown', content: 'Hello' }] });

async function start() {
  let now = Date.parse('2026-11-23T09:00:00Z');
  const calls: ApiCall[] = [];
  const notices: string[] = [];
  const mock = await startMockPlatform({
    now: () => now,
    onCall: (call) => calls.push(call),
    onNotice: (notice) => notices.push(notice),
  });
  onTestFinished(() => mock.stop());
  const client = new Client({ appId: 'cli_test', appSecret: 'secret', domain: mock.origin, logger: SILENT });
  const send = async (content = text('Hello'), msg_type = 'text', uuid?: string) => {
    const data = { receive_id: CHAT, msg_type, content, ...(uuid !== undefined && { uuid }) };
    const response = await client.im.message.create({ params: { receive_id_type: 'chat_id' }, data });
    return response.data?.message_id ?? '';
  };
  const read = async (message_id: string, card_msg_content_type = 'user_card_content') =>
    (await client.im.message.get({ path: { message_id }, params: { card_msg_content_type } })).data?.items?.[0];
  /** A message of a person. */
  const receive = (variant = 'text') => {
    const event = samplePayload('im.message.receive_v1', variant);
    mock.platform.receive(createSample('im.message.receive_v1', { version: '2.0', token: undefined, event }));
    return event.message.message_id;
  };
  const advance = (milliseconds: number) => {
    now += milliseconds;
  };
  return { ...mock, client, calls, notices, send, read, receive, advance };
}

/** Returns the platform's code for a call that fails. */
async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  return await call.then(
    (response) => (response as { code: number }).code,
    (error) => error.response?.data.code,
  );
}

describe('The mock platform', () => {
  it('has only APIs of the official SDK, except for two without a method of its client', () => {
    const known = new Set(sdkRoutes());
    const unknown = createApis().filter(({ route }) => !known.has(route));
    expect(unknown.map(({ route }) => route)).toEqual([
      'GET /open-apis/bot/v3/info',
      'POST /open-apis/interactive/v1/card/update',
    ]);
    // A different format of the SDK's source must not make all calls unknown.
    expect(known.size).toBeGreaterThan(1600);
  });

  it('responds to the official client’s call of each of its APIs', async () => {
    const { client, calls, send, read, receive, platform } = await start();
    const messageId = await send();
    const path = { message_id: messageId };
    const replied = await client.im.message.reply({ path, data: { msg_type: 'text', content: text('Yes') } });
    expect(replied.data).toMatchObject({ root_id: messageId, parent_id: messageId, chat_id: CHAT });
    expect(await read(messageId)).toMatchObject({ msg_type: 'text', body: { content: text('Hello') } });
    const listed = await client.im.message.list({ params: { container_id_type: 'chat', container_id: CHAT } });
    expect(listed.data?.items?.map(({ message_id }) => message_id)).toEqual([messageId, replied.data?.message_id]);

    await client.im.message.update({ path, data: { msg_type: 'text', content: text('Edited') } });
    expect(await read(messageId)).toMatchObject({ updated: true, body: { content: text('Edited') } });
    const cardId = await send(CARD, 'interactive');
    const changed = CARD.replace('Hello', 'Changed');
    await client.im.message.patch({ path: { message_id: cardId }, data: { content: changed } });
    expect(JSON.parse((await read(cardId))?.body?.content ?? '')).toEqual({ user_dsl: changed });
    expect((await read(cardId, ''))?.body?.content).toContain('Changed');

    const params = { receive_id_type: 'open_id' as const };
    const forwarded = await client.im.message.forward({ path, params, data: { receive_id: USER.open_id } });
    expect(forwarded.data).toMatchObject({ msg_type: 'text', body: { content: text('Edited') } });
    expect(forwarded.data?.chat_id).not.toBe(CHAT);
    const message_id_list = [messageId, cardId];
    const merged = await client.im.message.mergeForward({
      params,
      data: { receive_id: USER.open_id, message_id_list },
    });
    const parts = await client.im.message.get({ path: { message_id: merged.data?.message?.message_id ?? '' } });
    expect(parts.data?.items?.map(({ msg_type }) => msg_type)).toEqual(['merge_forward', 'text', 'interactive']);

    const readers = await client.im.message.readUsers({ path, params: { user_id_type: 'open_id' } });
    expect(readers.data?.items?.map(({ user_id }) => user_id)).toContain(USER.open_id);
    const reaction = { reaction_type: { emoji_type: 'OK' } };
    const { data: added } = await client.im.messageReaction.create({ path, data: reaction });
    expect((await client.im.messageReaction.list({ path })).data?.items).toMatchObject([reaction]);
    const reaction_id = added?.reaction_id ?? '';
    await client.im.messageReaction.delete({ path: { ...path, reaction_id } });
    expect((await client.im.messageReaction.list({ path })).data?.items).toEqual([]);
    await client.im.pin.create({ data: path });
    expect((await client.im.pin.list({ params: { chat_id: CHAT } })).data?.items).toMatchObject([path]);
    await client.im.pin.delete({ path });
    await client.im.message.delete({ path });
    expect(await read(messageId)).toMatchObject({ deleted: true });

    // Not valid UTF-8.
    const bytes = Buffer.from([0xff, 0xd8, 0xff, 0x00]);
    const image = await client.im.image.create({ data: { image_type: 'message', image: bytes } });
    const file = await client.im.file.create({
      data: { file_type: 'stream', file_name: '周报.pdf', file: Buffer.from('a file') },
    });
    const image_key = image?.image_key ?? '';
    const file_key = file?.file_key ?? '';
    const fileMessage = await send(JSON.stringify({ file_key }), 'file');
    const downloads = [
      await client.im.image.get({ path: { image_key } }),
      await client.im.file.get({ path: { file_key } }),
      await client.im.messageResource.get({ path: { message_id: fileMessage, file_key }, params: { type: 'file' } }),
    ];
    const contents = await Promise.all(downloads.map((download) => readBuffer(download.getReadableStream())));
    expect(contents).toEqual([bytes, Buffer.from('a file'), Buffer.from('a file')]);

    const user = await client.contact.user.get({ path: { user_id: USER.open_id } });
    expect(user.data?.user).toMatchObject({ open_id: USER.open_id, user_id: USER.user_id });
    const users = await client.contact.user.batch({ params: { user_ids: ['ou_1', 'ou_2'] } });
    expect(users.data?.items?.map(({ open_id }) => open_id)).toEqual(['ou_1', 'ou_2']);
    const chat = await client.im.chat.create({ data: { name: 'New', user_id_list: ['ou_1'] } });
    const chatPath = { chat_id: chat.data?.chat_id ?? '' };
    expect((await client.im.chat.get({ path: chatPath })).data).toMatchObject({ name: 'New', chat_mode: 'group' });
    expect((await client.im.chat.list({})).data?.items).toMatchObject([{ chat_id: CHAT }, chatPath]);
    await client.im.chatMembers.create({ path: chatPath, data: { id_list: ['ou_2', 'ou_3'] } });
    await client.im.chatMembers.delete({ path: chatPath, data: { id_list: ['ou_1'] } });
    const members = await client.im.chatMembers.get({ path: chatPath });
    expect(members.data?.items?.map(({ member_id }) => member_id)).toEqual(['ou_2', 'ou_3']);
    expect((await client.im.chatMembers.isInChat({ path: chatPath })).data?.is_in_chat).toBe(true);

    const bot = await client.request({ method: 'GET', url: '/open-apis/bot/v3/info' });
    expect(bot.bot.open_id).toBe(BOT_OPEN_ID);
    platform.state.addCardToken('c-token', cardId);
    const update = { token: 'c-token', card: JSON.parse(CARD) };
    await client.request({ method: 'POST', url: '/open-apis/interactive/v1/card/update', data: update });
    expect(JSON.parse((await read(cardId))?.body?.content ?? '')).toEqual({ user_dsl: CARD });
    receive();

    const apis = new Routes(createApis().map(({ route }) => [route, route]));
    const called = calls.map((call) => apis.find(call.method, call.path.replace(/\?.*/, ''))?.value);
    expect([...new Set(called)].toSorted()).toEqual(
      createApis()
        .map(({ route }) => route)
        .toSorted(),
    );
  });

  it('knows the messages, chats and files of the events that it has not sent', async () => {
    const { client, receive, platform } = await start();
    const messageId = receive('post');
    const { data } = await client.im.message.reply({
      path: { message_id: messageId },
      data: { msg_type: 'text', content: text('Yes') },
    });
    expect(data?.parent_id).toBe(messageId);
    const image_key = platform.state.message(messageId).content.match(/img_[\w-]+/)?.[0] ?? '';
    const image = await client.im.messageResource.get({
      path: { message_id: messageId, file_key: image_key },
      params: { type: 'image' },
    });
    expect((await readBuffer(image.getReadableStream())).length).toBeGreaterThan(0);
    // The message that a sample replies to.
    const parentId = platform.state.message(receive('reply')).parentId ?? '';
    const parent = await client.im.message.get({ path: { message_id: parentId } });
    expect(parent.data?.items).toMatchObject([{ message_id: parentId }]);
    const merged = await client.im.message.get({ path: { message_id: receive('merge_forward') } });
    expect(merged.data?.items?.map(({ msg_type }) => msg_type)).toEqual(['merge_forward', 'text']);
  });

  it('knows the card of a callback, which its token can update twice', async () => {
    const { client, platform } = await start();
    platform.receive(createSample('card.action.trigger_v1', { version: '1.0', token: undefined }));
    const sample = createSample('card.action.trigger', { version: '2.0', token: undefined });
    platform.receive(sample);
    const { token } = JSON.parse(sample).event;
    const update = () =>
      codeOf(
        client.request({
          method: 'POST',
          url: '/open-apis/interactive/v1/card/update',
          data: { token, card: JSON.parse(CARD) },
        }),
      );
    expect([await update(), await update(), await update()]).toEqual([0, 0, 300030]);
    expect(platform.state.message(MESSAGE)).toMatchObject({ senderType: 'app', content: CARD });
  });

  it('does not mistake a v1.0 message for a card', async () => {
    const { platform } = await start();
    platform.receive(createSample('message', { version: '1.0', token: undefined }));
    expect(platform.state.messages()).toMatchObject([{ messageType: 'text', chatId: CHAT, senderType: 'user' }]);
  });

  it('forgets the oldest messages and chats instead of growing without limit', async () => {
    const { platform } = await start();
    for (let count = 0; count < 5100; count++)
      platform.receive(`{"event":{"chat_id":"oc_${count}","id":"om_${count}"}}`);
    const messages = platform.state.messages();
    expect(messages).toHaveLength(5000);
    expect(messages.at(-1)).toMatchObject({ messageId: 'om_5099', chatId: 'oc_5099' });
    expect(platform.state.chats.size).toBe(5000);
    const content = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 70; count++) {
      platform.receive(
        JSON.stringify({ event: { sender: {}, message: { message_id: `om_large_${count}`, content } } }),
      );
    }
    expect(platform.state.messages().at(-1)).toMatchObject({ messageId: 'om_large_69', content });
    expect(platform.state.messages()).toHaveLength(64);
  });

  it('replaces the mentions in a message by placeholders', async () => {
    const { send, read } = await start();
    const messageId = await send(text(`<at user_id="${USER.open_id}">Fang</at> Hello`));
    expect(await read(messageId)).toMatchObject({
      body: { content: text('@_user_1 Hello') },
      mentions: [{ key: '@_user_1', id: USER.open_id }],
    });
  });

  it('sends a message once for each uuid in an hour', async () => {
    const { send, advance, platform } = await start();
    const first = await send(undefined, 'text', 'id');
    advance(59 * 60_000);
    expect(await send(undefined, 'text', 'id')).toBe(first);
    expect(platform.state.messages()).toHaveLength(1);
    advance(60_000);
    expect(await send(undefined, 'text', 'id')).not.toBe(first);
  });

  it('shows the current state of a card entity', async () => {
    const { client, send, platform } = await start();
    const card = { schema: '2.0', body: { elements: [{ tag: 'markdown', element_id: 'text', content: 'One' }] } };
    const created = await client.cardkit.v1.card.create({ data: { type: 'card_json', data: JSON.stringify(card) } });
    const card_id = created.data?.card_id ?? '';
    const content = JSON.stringify({ type: 'card', data: { card_id } });
    const messageId = await send(content, 'interactive');
    expect(platform.state.message(messageId)).toMatchObject({ cardId: card_id, card });
    const changed = { ...card, body: { elements: [{ tag: 'markdown', element_id: 'text', content: 'Two' }] } };
    await client.cardkit.v1.card.update({
      path: { card_id },
      data: { card: { type: 'card_json', data: JSON.stringify(changed) }, sequence: 1 },
    });
    expect(platform.state.message(messageId)).toMatchObject({ card: changed });
    expect(await codeOf(send(content, 'interactive'))).toBe(230099);
  });
});

describe('The mock platform rejects', () => {
  const elements = Array.from({ length: 201 }, () => ({ tag: 'hr' }));
  it.each<[string, string, string, number]>([
    ['an unknown type', 'letter', text('Hello'), 230001],
    ['a content that is not JSON', 'text', 'Hello', 230001],
    ['an empty text', 'text', text(' '), 230001],
    ['a text of more than 150 KB', 'text', text('x'.repeat(150 * 1024)), 230025],
    ['a post of more than 30 KB', 'post', text('x'.repeat(30 * 1024)), 230025],
    ['a post without lines', 'post', '{"zh_cn":{"content":[]}}', 230001],
    ['an image that was not uploaded', 'image', '{"image_key":"img_v3_1"}', 230017],
    ['a card without elements', 'interactive', '{"card_id":"1"}', 230099],
    ['a card with more than 200 elements', 'interactive', JSON.stringify({ elements }), 230099],
    ['a card entity that does not exist', 'interactive', '{"type":"card","data":{"card_id":"1"}}', 230099],
  ])('%s', async (_, type, content, code) => {
    const { send, platform } = await start();
    expect(await codeOf(send(content, type))).toBe(code);
    expect(platform.state.messages()).toEqual([]);
  });

  it('changes that a message does not allow', async () => {
    const { client, send, receive, advance, platform } = await start();
    const data = { msg_type: 'text', content: text('Hello') };
    const reply = (message_id: string) => codeOf(client.im.message.reply({ path: { message_id }, data }));
    const edit = (message_id: string) => codeOf(client.im.message.update({ path: { message_id }, data }));
    const patch = (message_id: string) =>
      codeOf(client.im.message.patch({ path: { message_id }, data: { content: CARD } }));
    const remove = (message_id: string) => codeOf(client.im.message.delete({ path: { message_id } }));
    expect(await reply('om_unknown')).toBe(99992354);
    const received = receive();
    expect([await edit(received), await patch(received), await remove(received)]).toEqual([230071, 230012, 230026]);

    const sent = await send();
    for (let count = 0; count < 20; count++) expect(await edit(sent)).toBe(0);
    expect(await edit(sent)).toBe(230072);
    expect(await patch(sent)).toBe(230001);
    const card = await send(CARD, 'interactive');
    expect(await edit(card)).toBe(230054);
    advance(15 * 24 * 60 * 60_000);
    expect(await patch(card)).toBe(230031);
    expect(await remove(sent)).toBe(0);
    expect([await reply(sent), await edit(sent)]).toEqual([230011, 230110]);

    const members = { path: { chat_id: CHAT }, params: { member_id_type: 'app_id' as const } };
    await client.im.chatMembers.delete({ ...members, data: { id_list: ['cli_test'] } });
    expect(await codeOf(send())).toBe(230002);
    expect(platform.state.findMessage('om_unknown')).toBeUndefined();
  });

  it('a call without an access token', async () => {
    const { origin } = await start();
    const response = await fetch(`${origin}/open-apis/im/v1/chats`);
    expect(await response.json()).toMatchObject({ code: 99991661 });
  });
});

describe('A call that the mock platform does not simulate', () => {
  it('succeeds without data and is reported once if the official SDK has a method for it', async () => {
    const { client, notices } = await start();
    for (let count = 0; count < 2; count++) {
      expect(await client.calendar.calendar.list({})).toMatchObject({ code: 0, data: {} });
    }
    expect(notices).toEqual([
      'The mock platform does not simulate GET /open-apis/calendar/v4/calendars. It responded without data.',
    ]);
  });

  it('fails and is reported with similar APIs if the official SDK has no method for it', async () => {
    const { client, notices } = await start();
    const url = '/open-apis/im/v1/message/om_1234/reply';
    await expect(client.request({ method: 'POST', url, data: {} })).rejects.toMatchObject({
      response: { status: 404 },
    });
    expect(notices).toEqual([
      expect.stringMatching(
        `^No API of the official SDK is POST ${url}\\..* Similar: POST /open-apis/im/v1/messages/:message_id/reply`,
      ),
    ]);
  });
});

describe('A failure on demand', () => {
  const api = 'POST /open-apis/im/v1/messages/:message_id/reply';

  it('fails the next call of an API, which has no effect', async () => {
    const { client, send, platform } = await start();
    const messageId = await send();
    const reply = () =>
      client.im.message.reply({ path: { message_id: messageId }, data: { msg_type: 'text', content: text('Yes') } });
    platform.failNext({ api, code: 230020 });
    await send();
    expect(await codeOf(reply())).toBe(230020);
    expect(await codeOf(reply())).toBe(0);
    platform.failNext({ api, code: 99991400, times: 2 });
    for (let count = 0; count < 2; count++) {
      await expect(reply()).rejects.toMatchObject({
        response: { status: 429, headers: { 'x-ogw-ratelimit-reset': '1' } },
      });
    }
    platform.failNext({});
    await expect(reply()).rejects.toMatchObject({ response: { status: 503 } });
    expect(platform.state.messages()).toHaveLength(3);
  });

  it('of an API that does not exist is a mistake', async () => {
    const { platform } = await start();
    expect(() => platform.failNext({ api: 'POST /open-apis/im/v1/messages/:message_id/replies' })).toThrow(api);
  });
});
