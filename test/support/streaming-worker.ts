import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { onEvent } from '../../lib/handler.ts';
import { readMessage } from '../../lib/messages/message.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { modulesOf } from './handler-modules.ts';

// A program that processes the SQS record in the variable RECORD, and answers with the words in WORDS. Its exit code is
// the number of failed events.

const { RECORD = '', WORDS = '' } = process.env;
const WORKER_TIMEOUT_MILLISECONDS = 60_000;
/** Longer than the time between two updates. */
const WORD_MILLISECONDS = 450;

const handler = onEvent('im.message.receive_v1', async (event, context) => {
  const stream = await readMessage(event, context).reply.stream();
  for (const word of JSON.parse(WORDS)) {
    stream.write(word);
    await sleep(WORD_MILLISECONDS);
  }
  await stream.end();
});
const modules = { v2: modulesOf({ [handler.type]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
const context = { getRemainingTimeInMillis: () => WORKER_TIMEOUT_MILLISECONDS } as Context;
const { batchItemFailures } = await createWorker(modules)({ Records: [JSON.parse(RECORD)] }, context);
process.exit(batchItemFailures.length);
