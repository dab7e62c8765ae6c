import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEventFile, renewIds } from '../../lib/cli/outgoing-event.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import { createSample, versionOf } from '../../lib/samples/samples.ts';

const secrets = { encryptKeys: [], verificationTokens: ['the token'] };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function readBack(text: string, isNew: boolean): Promise<string> {
  const file = path.join(folder, 'event.json');
  await writeFile(file, text);
  const read = await readEventFile(file, secrets);
  return isNew ? renewIds(read) : read;
}

describe('A file', () => {
  it('of up to 6 MiB is read', async () => {
    const text = createSample('out_approval', { version: '1.0', token: 'the token' });
    expect(await readBack(text + ' '.repeat(6 * 1024 * 1024 - Buffer.byteLength(text)), false)).toContain(
      'out_approval',
    );
  });

  it('of more than 6 MiB is rejected, and so is an endless device', async () => {
    await expect(readBack(' '.repeat(6 * 1024 * 1024 + 1), false)).rejects.toThrow(
      /event\.json is larger than 6291456 bytes$/,
    );
    await expect(readEventFile('/dev/zero', secrets)).rejects.toThrow('/dev/zero is larger than 6291456 bytes');
  });

  it('with JSON nested 50,000 levels deep is rejected with the reason', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const text = `{"schema":"2.0","header":{"event_type":"a.b_v1"},"event":{"deep":${deep}}}`;
    await expect(readBack(text, false)).rejects.toThrow(/event\.json: The JSON is nested more than 1000 levels deep/);
  });
});

const keyOf = (text: string) => deduplicationKey(parseEnvelope(text) as EventEnvelope, text);

describe.each(['im.message.receive_v1', 'im.message.recalled_v1', 'out_approval', 'card.action.trigger'])(
  'An event of type %s in a file',
  (type) => {
    const text = createSample(type, { version: versionOf(type), token: 'of another app' });

    it('is the same event, with the expected token', async () => {
      const read = await readBack(text, false);
      expect(parseEnvelope(read)).toMatchObject({ token: 'the token' });
      expect(read).toBe(text.replace('of another app', 'the token'));
    });

    it('becomes a new event on request, with nothing but its ids changed', async () => {
      const read = await readBack(text, true);
      expect(keyOf(read)).not.toBe(keyOf(text));
      expect(keyOf(read)).not.toBe(keyOf(await readBack(text, true)));
      const ids = /"(event_id|uuid|message_id|token)":"[^"]*"/g;
      expect(read.replace(ids, '')).toBe(text.replace(ids, ''));
    });
  },
);

it('keeps the header and the large integers of an event in a file', async () => {
  const header =
    '{"event_type":"drive.file.edit_v1","event_id":"1","resource_id":"doccn1","user_list":[{"open_id":"ou_1"}]';
  const event = '"event":{"revision":9223372036854775807}';
  const read = await readBack(`{"schema":"2.0","header":${header},"token":"other"},${event}}`, false);
  expect(read).toBe(`{"schema":"2.0","header":${header},"token":"the token"},${event}}`);
});

describe('An old card callback in a file, which has neither an id nor a Verification Token,', () => {
  const text = createSample('card.action.trigger_v1', { version: '1.0', token: '' });

  it('is unchanged, or becomes a new click on request', async () => {
    expect(await readBack(text, false)).toBe(text);
    const read = await readBack(text, true);
    expect(keyOf(read)).not.toBe(keyOf(text));
    expect({ ...JSON.parse(read), token: '' }).toEqual({ ...JSON.parse(text), token: '' });
  });
});
