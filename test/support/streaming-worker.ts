import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { onEvent } from '../../lib/handler.ts';
import { type ReceivedMessage, readMessage } from '../../lib/messages/message.ts';
import { onTurn } from '../../lib/turns/turns.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { modulesOf } from './handler-modules.ts';

// A program that processes the SQS record in the variable RECORD. It answers with the words in WORDS, or if there are
// none, a turn with the texts of its messages. Its exit code is the number of failed events.

const { RECORD = '', WORDS } = process.env;
const WORKER_TIMEOUT_MILLISECONDS = 60_000;
/** Longer than the time between two updates. */
const WORD_MILLISECONDS = 450;

const answer = async (message: ReceivedMessage, words: string[]) => {
  const stream = await message.reply.stream();
  for (const word of words) {
    stream.write(word);
    await sleep(WORD_MILLISECONDS);
  }
  await stream.end();
};

const answerTurn = onTurn(
  async (events, context) => {
    const messages = events.map((event) => readMessage(event, context));
    const [newest] = messages.slice(-1);
    if (newest !== undefined) await answer(newest, ['Answer to ', messages.map(({ text }) => text).join(' and ')]);
  },
  { windowSeconds: 0 },
);

const handler = onEvent(
  'im.message.receive_v1',
  WORDS === undefined
    ? answerTurn
    : (event, context) => answer(readMessage(event, context), JSON.parse(WORDS) as string[]),
);
const modules = { v2: modulesOf({ [handler.type]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
const context = { getRemainingTimeInMillis: () => WORKER_TIMEOUT_MILLISECONDS } as Context;
const { batchItemFailures } = await createWorker(modules)({ Records: [JSON.parse(RECORD)] }, context);
process.exit(batchItemFailures.length);
