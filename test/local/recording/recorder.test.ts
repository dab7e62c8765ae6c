import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createRecorder } from '../../../lib/local/recording/recorder.ts';
import { toSqsRecord } from '../../../lib/queue/sqs-record.ts';

/** Records an event. @returns the recorder's notices and files */
async function record(text: string) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  const notices: string[] = [];
  const recorded = path.join(folder.path, 'recorded');
  const write = createRecorder({
    folder: recorded,
    keyFile: path.join(folder.path, 'key'),
    onNotice: (notice) => notices.push(notice),
  });
  const string = (StringValue: string) => ({ DataType: 'String', StringValue });
  const MessageAttributes = { source: string('webhook'), receivedAt: string('2026-11-23T01:00:00.000Z') };
  const Attributes = { ApproximateReceiveCount: '1' };
  write(toSqsRecord({ MessageId: 'm', Body: text, MessageAttributes, Attributes }, 'arn:aws:sqs:us-east-1:0:q'));
  const names = await readdir(recorded);
  const files = await Promise.all(names.map((name) => readFile(path.join(recorded, name), 'utf8')));
  return { notices, names, files };
}

const eventOf = (type: string, event: string) =>
  `{"schema":"2.0","header":{"event_id":"e","event_type":"${type}"},"event":${event}}`;

test('an event with a type of any length gets a valid file name', async () => {
  const { names, notices } = await record(eventOf('x'.repeat(10_000), '{}'));
  expect(names).toEqual([expect.stringMatching(/-x{100}-[\da-f]{8}\.json$/)]);
  expect(notices).toEqual([expect.stringMatching(/^Recorded /)]);
});

test('an event nested 50,000 levels deep is not recorded, and the reason is reported', async () => {
  const { names, notices } = await record(eventOf('a.b_v1', '['.repeat(50_000) + ']'.repeat(50_000)));
  expect(names).toEqual([]);
  expect(notices).toEqual(['Could not record an event: The JSON is nested more than 1000 levels deep.']);
});

test('JSON in a string nested 50,000 levels deep is replaced like any text', async () => {
  const content = JSON.stringify(`${'['.repeat(50_000)}"quastel"${']'.repeat(50_000)}`);
  const { files } = await record(eventOf('a.b_v1', `{"content":${content}}`));
  expect(files[0]).toContain('[[[');
  expect(files[0]).not.toContain('quastel');
});
