import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import type { Emulators } from '../../lib/local/emulators/emulators.ts';
import { recordIdOf } from '../../lib/store/idempotency.ts';

/** Lets the lease of an event expire, as if the invocation that was killed had used up its time. */
export async function expireLease({ dynamo, claimsTable }: Emulators, event: string): Promise<void> {
  const envelope = parseEnvelope(event);
  if (envelope.kind === 'url-verification') throw new Error('not an event');
  const command = new UpdateItemCommand({
    TableName: claimsTable,
    Key: { id: { S: recordIdOf(deduplicationKey(envelope, event)) } },
    UpdateExpression: 'SET in_progress_expiration = :past',
    ConditionExpression: '#status = :inProgress',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':past': { N: '0' }, ':inProgress': { S: 'INPROGRESS' } },
  });
  await dynamo.send(command).catch((error: unknown) => {
    // It was killed before it took the lease, or after it completed the event.
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  });
}
