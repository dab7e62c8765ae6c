import type { DeadLetter } from '../../dead-letters/dead-letter.ts';
import { type DeadLetterQueue, openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { drop } from '../../dead-letters/drop.ts';
import { redrive } from '../../dead-letters/redrive.ts';
import { type Selection, visitDeadLetters } from '../../dead-letters/visit.ts';
import { errorFields } from '../../observability/error-fields.ts';
import { openLargeEvents } from '../../queue/large-events.ts';
import { createFailureReasons } from '../../store/failure-reasons.ts';
import { createRedrives } from '../../store/redrives.ts';
import { toSingleLine } from '../../util/printable.ts';
import { confirm } from '../confirm.ts';
import { DeploymentError } from '../deployment-error.ts';
import { physicalIdOf, type StackCommandParts } from '../stack-command.ts';
import { formatGroups, formatLetter, formatList, type ReasonsByMessage } from './format.ts';

/** The commands `serverless dlq …`. */
export interface DeadLetterCommands {
  list(selection: Selection): Promise<void>;
  /** @throws {DeploymentError} if the message is not in the queue */
  show(messageId: string): Promise<void>;
  /** @throws {DeploymentError} if a dead letter could not be moved */
  redrive(selection: Selection): Promise<void>;
  /** @throws {DeploymentError} if confirmation needs a terminal, or a dead letter could not be deleted */
  drop(selection: Selection, isConfirmed: boolean): Promise<void>;
}

export interface DeadLetterCommandParts extends StackCommandParts {
  input: NodeJS.ReadStream;
}

/** @throws {DeploymentError} if the stack has no dead-letter queue, no table or no bucket of large events */
export function createDeadLetterCommands(parts: DeadLetterCommandParts): DeadLetterCommands {
  const { stack, sqs, dynamo, print, progress, signal, input } = parts;
  const largeEvents = openLargeEvents(physicalIdOf(stack, 'LargeEventsBucket'), sqs.config);
  const queue = openDeadLetterQueue(sqs, physicalIdOf(stack, 'DeadLetterQueue'), largeEvents);
  const claimsTable = physicalIdOf(stack, 'ClaimsTable');
  const failureReasons = createFailureReasons(dynamo, claimsTable);
  const reasonsOf = async (letters: readonly DeadLetter[]): Promise<ReasonsByMessage> => {
    const ofIntake = letters.flatMap(({ messageId, reason, receivedAt: failedAt }) =>
      reason === undefined ? [] : [[messageId, { reason, failedAt }] as const],
    );
    return new Map([...ofIntake, ...(await failureReasons.read(letters.map(({ messageId }) => messageId)))]);
  };
  const finish = () => {
    progress.end();
    if (signal.aborted) print('Interrupted. The remaining dead letters stay in the queue.');
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
      for (const line of formatList(letters, await reasonsOf(letters), Date.now())) print(line);
      if (hidden > 0) print(`\n${hidden} more are hidden by another reader for up to 5 minutes.`);
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
          `The dead-letter queue does not contain the message ${messageId}. List its messages: npx serverless dlq list`,
        );
      }
      const reason = (await reasonsOf([found])).get(messageId);
      for (const line of formatLetter(found, reason, Date.now())) print(line);
    },

    async redrive(selection) {
      const targetUrl = physicalIdOf(stack, 'EventsQueue');
      const redriveParts = { queue, sqs, largeEvents, targetUrl, redrives: createRedrives(dynamo, claimsTable) };
      const result = await redrive(redriveParts, selection, signal, ({ moved }) => progress.report(`${moved} moved`));
      finish();
      const { moved, movedBefore, failures } = result;
      print(`${moved} moved back to the events queue.`);
      if (movedBefore > 0) print(`${movedBefore} already moved by an interrupted run, now deleted.`);
      reportFailures('moved', failures);
    },

    async drop(selection, isConfirmed) {
      const result = await drop(queue, selection, signal, async (letters) => {
        for (const line of formatGroups(letters, await reasonsOf(letters))) print(line);
        if (isConfirmed) return true;
        return confirm(`Permanently delete these ${letters.length} dead letters? Type yes: `, input, signal);
      });
      finish();
      print(result === undefined ? 'Nothing deleted.' : `${result.dropped} deleted.`);
      reportFailures('deleted', result?.failures ?? []);
    },
  };
}

async function countHidden(queue: DeadLetterQueue): Promise<number> {
  return (await queue.count()).hidden;
}

function reportFailures(action: string, failures: readonly { letter: DeadLetter; error: unknown }[]): void {
  const [first] = failures;
  if (first === undefined) return;
  throw new DeploymentError(
    `${failures.length} could not be ${action} and stay in the dead-letter queue. Run the command again. ` +
      `The first error was for ${first.letter.messageId}: ${toSingleLine(errorFields(first.error).error)}`,
  );
}
