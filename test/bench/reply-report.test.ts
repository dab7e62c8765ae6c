import { expect, test } from 'vitest';
import { type Conditions, reportReplies, type Samples } from './reply-report.ts';

const CONDITIONS: Conditions = { isRestricted: true, awsLatencyMilliseconds: 5, platformLatencyMilliseconds: 30 };

function samplesOf(memoryMegabytes: number, beyondMemory: string[] = []): Samples {
  const replies = (...toReply: number[]) => toReply.map((time) => ({ toReply: time, invocations: [10, 20] }));
  const cold = { ours: replies(300, 500, 400), queue: replies(800, 800, 800), inline: replies(200, 200, 200) };
  const warm = { ours: replies(30, 30, 30), queue: replies(15, 15, 15), inline: replies(4, 4, 4) };
  return { memoryMegabytes, cold, warm, beyondMemory };
}

test('the ratios are compared with the targets at 512 MB', () => {
  const { rows } = reportReplies(
    [128, 512, 1024].map((size) => samplesOf(size)),
    CONDITIONS,
  );
  expect(rows.map(({ name, cells }) => [name, ...cells.slice(1)].join(', '))).toEqual([
    'message to reply, cold, 512 MB, official SDK behind a queue, 800 ms, 0.50 (0.44–0.56), ≤ 0.55',
    'message to reply, cold, 512 MB, official SDK in one function, 200 ms, 2.00 (1.75–2.25), ≤ 1.3, **missed**',
    'message to reply, warm, 512 MB, official SDK behind a queue, 15 ms, 2.00 (2.00–2.00), ≤ 1.5, **missed**',
    'message to reply, warm, 512 MB, official SDK in one function, 4 ms, 7.50 (7.50–7.50), –',
  ]);
});

test('every memory size has a row with its times and one with its cost', () => {
  const { notes } = reportReplies([samplesOf(128), samplesOf(512)], CONDITIONS);
  const rows = notes.flatMap((note) => note.split('\n')).filter((line) => /^\| \d/.test(line));
  expect(rows).toEqual([
    '| 128 MB, 7% | 400 (350–450) | 800 (800–800) | 0.50 | 200 (200–200) | 2.00 |',
    '| 512 MB, 29% | 400 (350–450) | 800 (800–800) | 0.50 | 200 (200–200) | 2.00 |',
    '| 128 MB, 7% | 30.0 (30.0–30.0) | 15.0 (15.0–15.0) | 2.00 | 4.00 (4.00–4.00) | 7.50 |',
    '| 512 MB, 29% | 30.0 (30.0–30.0) | 15.0 (15.0–15.0) | 2.00 | 4.00 (4.00–4.00) | 7.50 |',
    '| 128 MB, 7% | 0.05 (0.05–0.05) | 0.05 (0.05–0.05) | 1.00 | 0.05 (0.05–0.05) | 1.00 |',
    '| 512 MB, 29% | 0.20 (0.20–0.20) | 0.20 (0.20–0.20) | 1.00 | 0.20 (0.20–0.20) | 1.00 |',
  ]);
});

test('figures of a full vCPU are labeled and not compared with the targets', () => {
  const { rows, notes } = reportReplies([samplesOf(512)], { ...CONDITIONS, isRestricted: false });
  expect(rows).toEqual([]);
  expect(notes.join()).toContain('**on a full vCPU**');
});

test('a function that would not have had enough memory is named', () => {
  const { notes } = reportReplies([samplesOf(128, ['webhook (official SDK in one function)'])], CONDITIONS);
  expect(notes.join()).toContain('webhook (official SDK in one function) with 128 MB');
});
