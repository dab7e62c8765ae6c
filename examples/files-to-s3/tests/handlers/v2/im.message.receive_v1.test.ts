import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { samplePayload, textMessage } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/v2/im.message.receive_v1.ts';
import { Bucket } from '../../files-to-s3/bucket.ts';

const bucket = new Bucket();
beforeAll(() => bucket.start());
afterAll(() => bucket[Symbol.asyncDispose]());

/** The platform, whose files have this content. */
const platformWith = (content: () => Readable) => ({
  im: {
    messageResource: {
      get: () => ({ headers: {}, getReadableStream: content, writeFile: () => Promise.reject(new Error('not used')) }),
    },
  },
});

it('stores a file under a key of its message, and confirms it', async () => {
  const content = Buffer.alloc(12_000_000, 'a file of three parts ');
  const event = samplePayload('im.message.receive_v1', 'file');
  const { outcome, calls } = await run(handler, event, {
    feishu: platformWith(() => Readable.from(chunksOf(content))),
  });
  expect(outcome).toBe('handled');
  const { chat_id, message_id } = event.message;
  expect((await bucket.read(`${chat_id}/${message_id}/1-周报.pdf`)).equals(content)).toBe(true);
  expect(calls.at(-1)).toMatchObject({
    name: 'im.message.reply',
    payload: { data: { content: JSON.stringify({ text: 'Stored: 周报.pdf' }) } },
  });
});

it('stores the pictures in a post', async () => {
  const event = samplePayload('im.message.receive_v1', 'post');
  await run(handler, event, { feishu: platformWith(() => Readable.from([Buffer.from('a picture')])) });
  expect(await bucket.keys()).toContain(`${event.message.chat_id}/${event.message.message_id}/1-image`);
});

it('replaces the object in a retry, after a download that broke off', async () => {
  const event = samplePayload('im.message.receive_v1', 'file');
  const brokenOff = function* () {
    yield Buffer.from('half ');
    throw new Error('ECONNRESET');
  };
  const first = await run(handler, event, { feishu: platformWith(() => Readable.from(brokenOff())) });
  expect(first).toMatchObject({ outcome: 'retrying', error: { message: 'ECONNRESET' } });
  const complete = platformWith(() => Readable.from([Buffer.from('half and half')]));
  for (const attempt of [2, 3]) await run(handler, event, { feishu: complete, attempt });
  const keys = (await bucket.keys()).filter((key) => key?.includes(event.message.message_id));
  expect(keys).toHaveLength(1);
  expect(`${await bucket.read(`${keys[0]}`)}`).toBe('half and half');
});

it('ends the upload when the time is up', async () => {
  const endless = new Readable({ read() {} });
  const event = samplePayload('im.message.receive_v1', 'file');
  const { outcome } = await run(handler, event, { feishu: platformWith(() => endless), withinMilliseconds: 100 });
  expect(outcome).toBe('retrying');
  await vi.waitFor(() => expect(endless.destroyed).toBe(true), { timeout: 60_000 });
});

it('keeps slashes and control characters out of the key', async () => {
  const event = samplePayload('im.message.receive_v1', 'file');
  event.message.content = JSON.stringify({ file_key: 'file_1', file_name: '../a\nb.txt' });
  await run(handler, event, { feishu: platformWith(() => Readable.from([Buffer.from('text')])) });
  expect(await bucket.keys()).toContain(`${event.message.chat_id}/${event.message.message_id}/1-.._a_b.txt`);
});

it('says that the bucket is missing', async () => {
  vi.stubEnv('FILES_BUCKET', '');
  const event = samplePayload('im.message.receive_v1', 'file');
  const result = await run(handler, event, { feishu: platformWith(() => Readable.from(['text'])) });
  vi.unstubAllEnvs();
  expect(result).toMatchObject({ outcome: 'retrying', error: { message: expect.stringContaining('FILES_BUCKET') } });
});

it('drops messages without files', async () => {
  expect(await run(handler, textMessage('Hello'))).toMatchObject({ outcome: 'dropped' });
});

function* chunksOf(content: Buffer): Generator<Buffer> {
  for (let start = 0; start < content.length; start += 65_536) yield content.subarray(start, start + 65_536);
}
