import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Progress } from '../../cli/progress.ts';
import type { DeadLetter } from '../../dead-letters/dead-letter.ts';
import { type DeadLetterQueue, openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { drop } from '../../dead-letters/drop.ts';
import { redrive } from '../../dead-letters/redrive.ts';
import { type Selection, visitDeadLetters } from '../../dead-letters/visit.ts';
import { errorFields } from '../../observability/error-fields.ts';
import { createFailureReasons } from '../../store/failure-reasons.ts';
import { createRedrives } from '../../store/redrives.ts';
import { toSingleLine } from '../../util/printable.ts';
import type { DeployedStack } from '../deployed-stack.ts';
import { DeploymentError } from '../deployment-error.ts';
import { formatGroups, formatLetter, formatList } from './format.ts';

/** What `serverless dlq …` works with. */
export interface DeadLetterCommands {
  list(selection: Selection): Promise<void>;
  /** @throws {DeploymentError} when there is no such message */
  show(messageId: string): Promise<void>;
  /** @throws {DeploymentError} when some could not be moved */
  redrive(selection: Selection): Promise<void>;
  /** @throws {DeploymentError} when nobody is there to ask, or some could not be deleted */
  drop(selection: Selection, isConfirmed: boolean): Promise<void>;
}

export interface DeadLetterCommandParts {
  stack: DeployedStack;
  sqs: SQSClient;
  dynamo: DynamoDBClient;
  print: (line: string) => void;
  progress: Progress;
  /** Ends a run after the batch under way. */
  signal: AbortSignal;
  input: NodeJS.ReadStream;
}

/** @throws {DeploymentError} when the stack lacks a queue or the claims table */
export function createDeadLetterCommands(parts: DeadLetterCommandParts): DeadLetterCommands {
  const { stack, sqs, dynamo, print, progress, signal, input } = parts;
  const queue = openDeadLetterQueue(sqs, physicalIdOf(stack, 'DeadLetterQueue'));
  const claimsTable = physicalIdOf(stack, 'ClaimsTable');
  const notes = createFailureReasons(dynamo, claimsTable);
  const notesOf = (letters: readonly DeadLetter[]) => notes.read(letters.map(({ messageId }) => messageId));
  const finish = () => {
    progress.end();
    if (signal.aborted) print('Interrupted. What was not gone through stays in the dead-letter queue.');
  };

  return {
    async list(selection) {
      const letters: DeadLetter[] = [];
      const hidden = await countHidden(queue);
      await visitDeadLetters(queue, selection, signal, async (batch) => {
        letters.push(...batch);
        progress.report(`${letters.length} read`);
        return batch;
      });
      finish();
      for (const line of formatList(letters, await notesOf(letters), Date.now())) print(line);
      if (hidden > 0) print(`\n${hidden} more are hidden for up to 5 minutes: another run of this command has them.`);
    },

    async show(messageId) {
      let found: DeadLetter | undefined;
      const searching = new AbortController();
      const both = AbortSignal.any([searching.signal, signal]);
      await visitDeadLetters(queue, {}, both, async (batch) => {
        found ??= batch.find((letter) => letter.messageId === messageId);
        if (found !== undefined) searching.abort();
        return batch;
      });
      if (found === undefined) {
        throw new DeploymentError(
          `No message ${messageId} is in the dead-letter queue. See npx serverless dlq list for those that are.`,
        );
      }
      const note = (await notesOf([found])).get(messageId);
      for (const line of formatLetter(found, note, Date.now())) print(line);
    },

    async redrive(selection) {
      const eventsQueueUrl = physicalIdOf(stack, 'EventsQueue');
      const moving = { queue, sqs, eventsQueueUrl, redrives: createRedrives(dynamo, claimsTable) };
      const result = await redrive(moving, selection, signal, ({ moved }) => progress.report(`${moved} moved`));
      finish();
      const { moved, movedBefore, failures } = result;
      print(`${moved} moved back to the events queue.`);
      if (movedBefore > 0) print(`${movedBefore} deleted that an earlier run had moved before it was interrupted.`);
      reportFailures('moved', failures);
    },

    async drop(selection, isConfirmed) {
      const result = await drop(queue, selection, signal, async (letters) => {
        for (const line of formatGroups(letters, await notesOf(letters))) print(line);
        if (isConfirmed) return true;
        return ask(`Delete these ${letters.length} for good? Type yes: `, input, signal);
      });
      finish();
      print(result === undefined ? 'Nothing deleted.' : `${result.dropped} deleted.`);
      reportFailures('deleted', result?.failures ?? []);
    },
  };
}

function physicalIdOf(stack: DeployedStack, logicalId: string): string {
  const id = stack.physicalId(logicalId);
  if (id === undefined) throw new DeploymentError(`The stack ${stack.name} has no ${logicalId}. Deploy it again.`);
  return id;
}

async function countHidden(queue: DeadLetterQueue): Promise<number> {
  return (await queue.count()).hidden;
}

async function ask(question: string, input: NodeJS.ReadStream, signal: AbortSignal): Promise<boolean> {
  if (!input.isTTY) throw new DeploymentError('Nobody is here to be asked: say --yes to delete them.');
  const terminal = createInterface({ input, output: process.stderr });
  try {
    // The terminal takes Ctrl+C for itself, and ends with it.
    const ended = once(terminal, 'close').then(() => '');
    const answer = await Promise.race([terminal.question(question, { signal }), ended]);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}

function reportFailures(what: string, failures: readonly { letter: DeadLetter; error: unknown }[]): void {
  const [first] = failures;
  if (first === undefined) return;
  throw new DeploymentError(
    `${failures.length} could not be ${what} and stay in the dead-letter queue; run the command again. ` +
      `The first was ${first.letter.messageId}: ${toSingleLine(errorFields(first.error).error)}`,
  );
}
