import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SQSRecord } from 'aws-lambda';
import { expect, it } from 'vitest';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { expireLease } from '../support/expire-lease.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { start } from '../support/run.ts';
import { StreamingPlatform } from '../support/streaming-platform.ts';
import { createRecord } from './queue-records.ts';

const aws = emulatedAws();

const PROGRAM = path.relative(PROJECT_ROOT, fileURLToPath(new URL('../support/streaming-worker.ts', import.meta.url)));
const WORDS = ['One', ', two', ', three'];
const TEXT = WORDS.join('');
/** The card, its message, its text and its end. */
const FEWEST_REQUESTS = 4;
/** The request that kills the process, starting at 1. */
const KILLS = Array.from({ length: 8 }, (_, index) =>
  (['before', 'after'] as const).map((when) => ({ request: index + 1, when })),
).flat();

/** Delivers an event in a process of its own, and kills it. */
async function deliver(
  platform: StreamingPlatform,
  record: SQSRecord,
  environment: Record<string, string>,
  killAt?: (typeof KILLS)[number],
) {
  await using running = start(PROJECT_ROOT, PROGRAM, [], {
    ...aws.emulators.environment,
    ...aws.environment,
    ...platform.environment,
    RECORD: JSON.stringify(record),
    ...environment,
  });
  let requests = 0;
  const killIfDue = async (when: 'before' | 'after') => {
    if (requests !== killAt?.request || when !== killAt.when) return;
    running.process.kill('SIGKILL');
    await running.ended;
  };
  platform.before = async () => {
    requests += 1;
    await killIfDue('before');
    return undefined;
  };
  platform.after = () => killIfDue('after');
  return await running.ended;
}

function bodyOf(text: string, ids: object = {}): string {
  const event = textMessage(text);
  Object.assign(event.message, ids);
  return createSample('im.message.receive_v1', { version: '2.0', token: '', event });
}

it.each(KILLS)(
  'A process that is killed $when its request $request to the platform leaves one complete answer',
  async (kill) => {
    await using platform = await StreamingPlatform.start();
    const body = bodyOf('Hello');
    const messageId = randomUUID();
    const environment = { WORDS: JSON.stringify(WORDS) };
    const deliverHello = (attempt: number, killAt?: typeof kill) =>
      deliver(platform, createRecord(messageId, { body, attempt }), environment, killAt);

    const first = await deliverHello(1, kill);
    // A slow process makes fewer requests, and is not killed by later ones.
    if (kill.request <= FEWEST_REQUESTS) expect(first.code, first.output).toBeNull();
    await expireLease(aws.emulators, body);
    const second = await deliverHello(2);
    expect(second.code, second.output).toBe(0);
    expect(platform.shown).toEqual([{ text: TEXT, isStreaming: false, summary: TEXT }]);
  },
);

it.each(KILLS.filter(({ request }) => request <= FEWEST_REQUESTS))(
  'A turn that is killed $when its request $request to the platform is answered with the next message',
  async (kill) => {
    await using platform = await StreamingPlatform.start();
    const chat = randomUUID();
    const [one, two] = ['one', 'two'].map((text) => bodyOf(text, { chat_id: chat, message_id: `om_${text}_${chat}` }));
    const [oneId, twoId] = [randomUUID(), randomUUID()];
    const environment = { STATE_TABLE: aws.emulators.stateTable };
    const first = await deliver(platform, createRecord(oneId, { body: one as string }), environment, kill);
    expect(first.code, first.output).toBeNull();
    await expireLease(aws.emulators, one as string);
    const second = await deliver(platform, createRecord(twoId, { body: two as string }), environment);
    expect(second.code, second.output).toBe(0);
    const third = await deliver(platform, createRecord(oneId, { body: one as string, attempt: 2 }), environment);
    expect(third.code, third.output).toBe(0);
    const answers = platform.shown.map(({ text, isStreaming }) => ({ text, isStreaming }));
    const answer = { text: 'Answer to one and two', isStreaming: false };
    // The killed process may have shown a part of its own.
    const beginnings = answers.filter(({ text }) => text !== answer.text);
    expect(answers.filter(({ text }) => text === answer.text)).toEqual([answer]);
    expect(beginnings.length).toBeLessThanOrEqual(1);
    for (const { text, isStreaming } of beginnings) {
      expect(isStreaming).toBe(false);
      expect(['…', 'Answer to', 'Answer to ', 'Answer to one']).toContain(text);
    }
  },
);
