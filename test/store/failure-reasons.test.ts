import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFailureReasons, type FailureReasons } from '../../lib/store/failure-reasons.ts';
import { FaultyProxy } from '../faults/faulty-proxy.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

const aws = emulatedAws();
let proxy: FaultyProxy;
let dynamo: DynamoDBClient;
let failureReasons: FailureReasons;
beforeAll(async () => {
  proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string });
  dynamo = new DynamoDBClient({ endpoint: proxy.origin });
  failureReasons = createFailureReasons(dynamo, aws.emulators.claimsTable);
});
afterAll(async () => {
  dynamo.destroy();
  await proxy.stop();
});

const messageIds = Array.from({ length: 250 }, (_, index) => `message ${index}`);
const reasons = new Map(messageIds.map((id) => [id, `Error: reason of ${id}`]));

it('reads more reasons than one DynamoDB request can, and requests unprocessed keys again', async () => {
  for (const [id, reason] of reasons) await failureReasons.write(id, reason, AbortSignal.timeout(10_000));
  const requested: number[] = [];
  proxy.decide = ({ operation, body }) => {
    if (operation !== 'BatchGetItem') return undefined;
    requested.push((Object.values(body.RequestItems as object)[0] as { Keys: unknown[] }).Keys.length);
    // Like DynamoDB when it is throttled: returns some items, and the keys of the others.
    return { change: requested.length <= 2 ? leaveHalf : () => {} };
  };
  const found = await failureReasons.read([...messageIds, 'a message without a reason', 'message 0']);
  expect(new Map([...found].map(([id, { reason }]) => [id, reason]))).toEqual(reasons);
  expect(requested).toEqual([100, 50, 25, 100, 51]);
});

it('throws if DynamoDB processes no key', async () => {
  proxy.decide = ({ operation, body }) =>
    operation === 'BatchGetItem'
      ? { instead: { Responses: {}, UnprocessedKeys: body.RequestItems as object } }
      : undefined;
  await expect(failureReasons.read(['message 0'])).rejects.toThrow(/left 1 keys of .* unprocessed/);
});

function leaveHalf(response: Record<string, unknown>): void {
  const { Responses } = response as { Responses: Record<string, { id: unknown }[]> };
  for (const [table, items] of Object.entries(Responses)) {
    const left = items.splice(0, Math.ceil(items.length / 2));
    response.UnprocessedKeys = { [table]: { Keys: left.map(({ id }) => ({ id })) } };
  }
}
