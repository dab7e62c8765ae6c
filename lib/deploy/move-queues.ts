import { DeleteQueueCommand, GetQueueUrlCommand, QueueDoesNotExist, type SQSClient } from '@aws-sdk/client-sqs';
import { byArrival } from '../dead-letters/by-arrival.ts';
import { openDeadLetterQueue } from '../dead-letters/dead-letter-queue.ts';
import { redrive } from '../dead-letters/redrive.ts';
import { errorFields } from '../observability/error-fields.ts';
import { openLargeEvents } from '../queue/large-events.ts';
import { createFailureReasons } from '../store/failure-reasons.ts';
import { createRedrives } from '../store/redrives.ts';
import { toSingleLine } from '../util/printable.ts';
import { DeploymentError } from './deployment-error.ts';
import { physicalIdOf, type StackCommandParts } from './stack-command.ts';

/** First the events: SQS may still move some of them to the replaced dead-letter queue. */
const QUEUES = ['EventsQueue', 'DeadLetterQueue'];

/**
 * Moves the messages of the queues that a change of `ordering` replaced to the queues of the stack. Each message is sent,
 * recorded as sent, and only then deleted, so that an interruption neither loses it nor processes it twice.
 *
 * @param deletesQueues deletes the replaced queues that are empty afterwards
 * @throws {DeploymentError} if a message could not be moved, or a queue that was to be deleted is not empty
 */
export async function moveQueues(parts: StackCommandParts, deletesQueues: boolean): Promise<void> {
  const { stack, sqs, print } = parts;
  let found = 0;
  for (const logicalId of QUEUES) {
    const targetUrl = physicalIdOf(stack, logicalId);
    const replacedUrl = await findReplaced(sqs, targetUrl);
    if (replacedUrl === undefined || parts.signal.aborted) continue;
    found += 1;
    await moveQueue(parts, replacedUrl, targetUrl);
    if (deletesQueues && !parts.signal.aborted) await deleteEmpty(parts, replacedUrl);
  }
  if (parts.signal.aborted) print('Interrupted. The remaining messages stay in the replaced queue.');
  else if (found === 0) print(`The stack ${stack.name} has no replaced queues.`);
}

async function moveQueue(parts: StackCommandParts, replacedUrl: string, targetUrl: string): Promise<void> {
  const { stack, sqs, dynamo, print, progress, signal } = parts;
  const table = physicalIdOf(stack, 'ClaimsTable');
  const reasons = createFailureReasons(dynamo, table);
  const largeEvents = openLargeEvents(physicalIdOf(stack, 'LargeEventsBucket'), sqs.config);
  const replaced = openDeadLetterQueue(sqs, replacedUrl, largeEvents);
  const needsSorting = isFifo(targetUrl) && !isFifo(replacedUrl);
  const result = await redrive(
    {
      queue: needsSorting ? byArrival(replaced) : replaced,
      redrives: createRedrives(dynamo, table),
      sqs,
      largeEvents,
      targetUrl,
      countsAsRedrive: false,
      async onSent({ messageId }, copyId) {
        const reason = (await reasons.read([messageId])).get(messageId);
        if (reason !== undefined) await reasons.write(copyId, reason.reason, signal, reason.failedAt);
      },
    },
    {},
    signal,
    ({ moved }) => progress.report(`${moved} moved`),
  );
  progress.end();
  print(`${result.moved} moved from ${nameOf(replacedUrl)} to ${nameOf(targetUrl)}.`);
  if (result.movedBefore > 0) print(`${result.movedBefore} already moved by an interrupted run, now deleted.`);
  const [failure] = result.failures;
  if (failure !== undefined) {
    throw new DeploymentError(
      `${result.failures.length} could not be moved and stay in ${nameOf(replacedUrl)}. Run the command again. ` +
        `The first error was for ${failure.letter.messageId}: ${toSingleLine(errorFields(failure.error).error)}`,
    );
  }
  const { hidden } = await replaced.count();
  if (hidden > 0) {
    print(
      `${hidden} more in ${nameOf(replacedUrl)} are hidden until their next attempt, at most 12 hours. ` +
        'Run the command again then.',
    );
  }
}

async function deleteEmpty({ sqs, print }: StackCommandParts, url: string): Promise<void> {
  const { waiting, hidden } = await openDeadLetterQueue(sqs, url).count();
  if (waiting + hidden > 0) {
    throw new DeploymentError(`${nameOf(url)} still has ${waiting + hidden} messages and was not deleted.`);
  }
  await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
  print(`Deleted the replaced queue ${nameOf(url)}. SQS accepts its name again after 60 s.`);
}

/** Returns the URL of the queue that had the same name with the other ordering. */
async function findReplaced(sqs: SQSClient, url: string): Promise<string | undefined> {
  const name = nameOf(url);
  const QueueName = isFifo(name) ? name.slice(0, -FIFO_SUFFIX.length) : `${name}${FIFO_SUFFIX}`;
  try {
    return (await sqs.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return undefined;
    throw error;
  }
}

const FIFO_SUFFIX = '.fifo';

function isFifo(queue: string): boolean {
  return queue.endsWith(FIFO_SUFFIX);
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
