import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/v2/im.message.receive_v1.ts';
import { MockModel, writeChunk } from '../../assistant/mock-model.ts';

type Event = Parameters<typeof handler.handle>[0];

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const DATA_URL = `data:image/png;base64,${PNG.toString('base64')}`;
const QUOTED = { message_id: 'om_quoted', msg_type: 'text', body: { content: '{"text":"Lunch at 12?"}' } };
let model: MockModel;
beforeAll(async () => {
  model = new MockModel();
  Object.assign(process.env, await model.start(), { OPENAI_MODEL: 'a-model' });
});
afterAll(() => model[Symbol.asyncDispose]());
beforeEach(() => {
  model.requests.length = 0;
  model.respond = undefined;
});

/** Creates a message, and the id of the bot that it mentions. */
const sample = (variant: string) => samplePayload('im.message.receive_v1', variant);
const BOT = sample('mention').message.mentions?.[0]?.id.open_id;

/** Handles a message on a platform where pictures have this content. */
const handle = (event: Event, { picture = PNG, get = (): object => ({ code: 0, data: { items: [QUOTED] } }) } = {}) =>
  run(handler, event, {
    feishu: {
      request: async () => ({ code: 0, bot: { open_id: BOT } }),
      im: {
        message: { get },
        messageResource: {
          get: () => ({
            headers: {},
            getReadableStream: () => Readable.from([picture]),
            writeFile: () => Promise.reject(new Error('not used')),
          }),
        },
      },
    },
  });

/** What the model was sent, without the instructions. */
const sent = () => model.requests[0]?.messages.slice(1).map(({ content }) => content);

it('answers a private message with the model', async () => {
  const { outcome, streams } = await handle(sample('private'));
  expect(outcome).toBe('handled');
  expect(model.requests).toMatchObject([{ authorization: 'Bearer local', model: 'a-model' }]);
  expect(sent()).toEqual(['Hello, 世界 👋']);
  expect(streams).toEqual([expect.stringContaining('Hello, world')]);
});

it('answers in a group only if it is mentioned', async () => {
  expect(await handle(sample('mention'))).toMatchObject({ outcome: 'handled' });
  expect(await handle(sample('text'))).toMatchObject({ outcome: 'dropped' });
  const somebodyElse = sample('mention');
  for (const { id } of somebodyElse.message.mentions ?? []) id.open_id = 'ou_somebody';
  expect(await handle(somebodyElse)).toMatchObject({ outcome: 'dropped' });
  expect(model.requests).toHaveLength(1);
});

it('does not answer other bots', async () => {
  const event = sample('private');
  event.sender.sender_type = 'app';
  expect(await handle(event)).toMatchObject({ outcome: 'dropped', calls: [] });
});

it('reads a post and passes its pictures', async () => {
  await handle(sample('post'));
  expect(sent()).toEqual([
    [
      { type: 'text', text: expect.stringContaining('[周报](https://example.com/)') },
      { type: 'image_url', image_url: { url: DATA_URL } },
    ],
  ]);
});

it.each([
  ['has an unknown format', Buffer.from('BM')],
  ['is larger than 5 MB', Buffer.concat([PNG, Buffer.alloc(5_000_000)])],
])('answers without a picture that %s', async (_, picture) => {
  const event = sample('post');
  const { outcome, log } = await handle(event, { picture });
  expect(outcome).toBe('handled');
  expect(sent()).toEqual([expect.stringContaining('Weekly report')]);
  expect(log).toMatchObject([{ level: 'warn' }]);
});

it('passes the message that a message replies to', async () => {
  const event = sample('private');
  event.message.parent_id = 'om_quoted';
  await handle(event);
  expect(sent()).toEqual([expect.stringMatching(/replies to this one:\n\nLunch at 12\?$/), 'Hello, 世界 👋']);
});

it('answers a reply to a message that was recalled', async () => {
  const event = sample('private');
  event.message.parent_id = 'om_quoted';
  const { outcome, log } = await handle(event, { get: () => ({ code: 230110, msg: 'recalled' }) });
  expect(outcome).toBe('handled');
  expect(log).toMatchObject([{ level: 'warn' }]);
  expect(sent()).toEqual(['Hello, 世界 👋']);
});

it("waits as long as the API's rate limit says", async () => {
  model.respond = (response) => response.writeHead(429, { 'retry-after': '7' }).end();
  const result = await handle(sample('private'));
  expect(result).toMatchObject({ outcome: 'retrying', afterSeconds: { minimum: 7, maximum: 7 } });
});

it('retries if the API rejects the request, and does not repeat what it says about the key', async () => {
  const error = { message: 'Incorrect API key provided: sk-12***', code: 'invalid_api_key' };
  model.respond = (response) => response.writeHead(401).end(JSON.stringify({ error }));
  const result = await handle(sample('private'));
  expect(result).toMatchObject({
    outcome: 'retrying',
    error: { message: expect.stringMatching(/401 \(invalid_api_key\): check OPENAI_API_KEY/) },
  });
});

it('says which variables are missing', async () => {
  vi.stubEnv('OPENAI_API_KEY', '');
  const result = await handle(sample('private')).finally(() => vi.unstubAllEnvs());
  expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining('OPENAI_API_KEY') } });
});

it.each([
  ['breaks off', 'half an answer', null, 'incomplete'],
  ['is empty', '', 'stop', 'empty'],
])('retries if the answer %s', async (_, content, finish_reason, message) => {
  model.respond = (response) => {
    writeChunk(response, { delta: { content }, finish_reason });
    response.end();
  };
  const result = await handle(sample('private'));
  expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining(message) } });
});
