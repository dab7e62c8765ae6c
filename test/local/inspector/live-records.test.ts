import type { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { EventRecord } from '../../../lib/local/event-log.ts';
import type { BuildFailure } from '../../../lib/local/functions/build-report.ts';
import { LiveRecords } from '../../../lib/local/inspector/live-records.ts';

const recordOf = (messageId: string, attempts = 0): EventRecord => ({
  messageId,
  status: 'queued',
  attempts,
  updatedAt: '',
});

/** Opens a stream, makes changes while nobody reads it, and returns the records read afterwards. */
async function recordsAfter(change: (live: LiveRecords) => void): Promise<EventRecord[]> {
  const live = new LiveRecords((json) => json);
  // Fills the stream's buffer, so that later changes stay pending.
  const stream = live.open(Array.from({ length: 2_000 }, (_, index) => recordOf(`old${index}`)));
  change(live);
  const reading = readText(stream);
  await new Promise((resolve) => setImmediate(resolve));
  live.stop();
  const lines = (await reading).split('\n').filter((line) => line.startsWith('data: ['));
  return lines.flatMap((line) => JSON.parse(line.slice('data: '.length)));
}

test('buffers at most 10,000 changed records for a slow page', async () => {
  const records = await recordsAfter((live) => {
    for (let index = 0; index < 15_000; index++) live.change(recordOf(`new${index}`));
  });
  const ids = records.map(({ messageId }) => messageId).filter((id) => id.startsWith('new'));
  expect(ids.length).toBe(10_000);
  expect([ids[0], ids.at(-1)]).toEqual(['new5000', 'new14999']);
});

test('buffers only the latest state of a record', async () => {
  const records = await recordsAfter((live) => {
    for (let attempts = 0; attempts < 20_000; attempts++) live.change(recordOf('new', attempts));
  });
  expect(records.filter(({ messageId }) => messageId === 'new')).toEqual([recordOf('new', 19_999)]);
});

const failureWith = (text: string): BuildFailure => ({
  errors: [{ text, handlers: [] }],
  omitted: 0,
  keepsRunning: true,
});

/** Returns the data of the stream's `build` events. */
async function buildsOf(live: LiveRecords, stream: Readable): Promise<string[]> {
  const reading = readText(stream);
  await new Promise((resolve) => setImmediate(resolve));
  live.stop();
  return [...(await reading).matchAll(/^event: build\ndata: (.*)$/gm)].map(([, data = '']) => data);
}

test('sends a failed build to open and new pages, without secrets, and its end', async () => {
  const live = new LiveRecords((json) => json.replaceAll('secret', '•••'));
  const open = live.open([]);
  live.changeBuild(failureWith('Expected ";" but found "secret"'));
  const opened = live.open([]);
  live.changeBuild(undefined);
  const last = live.open([]);
  const data = [JSON.stringify(failureWith('Expected ";" but found "•••"')), 'null'];
  const streams = [open, opened, last].map((stream) => buildsOf(live, stream));
  expect(await Promise.all(streams)).toEqual([data, data, []]);
});

test('sends only the latest build to a slow page', async () => {
  const live = new LiveRecords((json) => json);
  const stream = live.open(Array.from({ length: 2_000 }, (_, index) => recordOf(`old${index}`)));
  for (let count = 0; count < 10_000; count++) live.changeBuild(failureWith(`${count}`));
  expect(await buildsOf(live, stream)).toEqual([JSON.stringify(failureWith('9999'))]);
});
