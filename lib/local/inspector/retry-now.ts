import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import type { Emulators } from '../emulators/emulators.ts';
import type { EventLog } from '../event-log.ts';
import { BadRequest } from './read-requests.ts';

/**
 * Delivers an event now that waits for its next attempt.
 *
 * @throws {BadRequest} if it does not wait
 */
export async function retryNow(
  { sqs, queueUrl }: Pick<Emulators, 'sqs' | 'queueUrl'>,
  eventLog: Pick<EventLog, 'receiptHandleOf'>,
  messageId: string,
): Promise<void> {
  const receiptHandle = eventLog.receiptHandleOf(messageId);
  if (receiptHandle === undefined) throw new BadRequest('This event does not wait for an attempt.');
  try {
    await sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }),
    );
  } catch (error) {
    // Its time has come in the meantime.
    if ((error as Error).name === 'MessageNotInflight') throw new BadRequest('The next attempt has already started.');
    throw error;
  }
}
