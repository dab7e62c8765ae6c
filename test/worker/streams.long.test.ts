import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
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

it.each(KILLS)(
  'A process that is killed $when its request $request to the platform leaves one complete answer',
  async (kill) => {
    await using platform = await StreamingPlatform.start();
    const body = createSample('im.message.receive_v1', { version: '2.0', token: '', event: textMessage('Hello') });
    const messageId = randomUUID();

    const deliver = async (attempt: number, killAt?: typeof kill) => {
      await using running = start(PROJECT_ROOT, PROGRAM, [], {
        ...aws.emulators.environment,
        ...aws.environment,
        ...platform.environment,
        RECORD: JSON.stringify(createRecord(messageId, { body, attempt })),
        WORDS: JSON.stringify(WORDS),
      });
      let requests = 0;
      const killIfDue = async (when: typeof kill.when) => {
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
    };

    const first = await deliver(1, kill);
    // A slow process makes fewer requests, and is not killed by later ones.
    if (kill.request <= FEWEST_REQUESTS) expect(first.code, first.output).toBeNull();
    await expireLease(aws.emulators, body);
    const second = await deliver(2);
    expect(second.code, second.output).toBe(0);
    expect(platform.shown).toEqual([{ text: TEXT, isStreaming: false, summary: TEXT }]);
  },
);
