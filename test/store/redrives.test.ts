import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedrives, type Redrives } from '../../lib/store/redrives.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

describe('The successor of a dead letter', () => {
  const aws = emulatedAws();
  let dynamo: DynamoDBClient;
  let redrives: Redrives;
  beforeAll(() => {
    dynamo = new DynamoDBClient();
    redrives = createRedrives(dynamo, aws.emulators.claimsTable);
  });
  afterAll(() => dynamo.destroy());

  it('does not exist before a copy is recorded', async () => {
    expect(await redrives.successorOf('dead-0')).toBeUndefined();
  });

  it('is the first copy that is recorded', async () => {
    expect(await redrives.recordSuccessor('dead-1', 'copy-1')).toBe('copy-1');
    expect(await redrives.recordSuccessor('dead-1', 'copy-2')).toBe('copy-1');
    expect(await redrives.recordSuccessor('dead-1', 'copy-1')).toBe('copy-1');
    expect(await redrives.successorOf('dead-1')).toBe('copy-1');
    expect(await redrives.successorOf('dead-2')).toBeUndefined();
  });

  it('is stored for longer than a dead letter is kept, and then expires', async () => {
    const before = Math.floor(Date.now() / 1000);
    await redrives.recordSuccessor('dead-3', 'copy-1');
    const Key = { id: { S: 'redrive#dead-3' } };
    const { Item } = await dynamo.send(new GetItemCommand({ TableName: aws.emulators.claimsTable, Key }));
    const keptSeconds = Number(Item?.expiration?.N) - before;
    const day = 24 * 60 * 60;
    expect(keptSeconds).toBeGreaterThanOrEqual(15 * day);
    expect(keptSeconds).toBeLessThan(16 * day);
  });

  it('is read with strong consistency', async () => {
    const isConsistent = await inputsOf((client) => client.successorOf('dead-4'), 'ConsistentRead');
    expect(isConsistent).toEqual([true]);
  });

  it('is the copy itself if the record expires before it is read', async () => {
    await dynamo.send(
      new PutItemCommand({ TableName: aws.emulators.claimsTable, Item: { id: { S: 'redrive#dead-5' } } }),
    );
    expect(await redrives.recordSuccessor('dead-5', 'copy-1')).toBe('copy-1');
  });

  it('cannot be recorded or read if DynamoDB rejects the request', async () => {
    const withoutTable = createRedrives(dynamo, 'no-such-table');
    await expect(withoutTable.recordSuccessor('dead-6', 'copy-1')).rejects.toThrow(
      expect.objectContaining({ name: 'ResourceNotFoundException' }),
    );
    await expect(withoutTable.successorOf('dead-6')).rejects.toThrow('not found');
  });

  it('is not read if recording it fails for another reason than an existing record', async () => {
    const error = Object.assign(new Error('Slow down'), { name: 'ThrottlingException' });
    const send = async (command: object) => {
      if (command instanceof PutItemCommand) throw error;
      return { Item: { successor: { S: 'copy-0' } } };
    };
    const throttled = createRedrives({ send } as unknown as DynamoDBClient, 'table');
    await expect(throttled.recordSuccessor('dead-8', 'copy-1')).rejects.toBe(error);
  });

  it('cannot be recorded if the client throws a value that is not an error', async () => {
    const throwing = { send: () => Promise.reject('not an error') } as unknown as DynamoDBClient;
    await expect(createRedrives(throwing, 'table').recordSuccessor('dead-7', 'copy-1')).rejects.toBe('not an error');
  });

  /** Returns a parameter of each request to DynamoDB. */
  async function inputsOf(work: (client: Redrives) => Promise<unknown>, name: string): Promise<unknown[]> {
    const inputs: unknown[] = [];
    const client = new DynamoDBClient();
    const record = (next: (args: { input: object }) => unknown) => async (args: { input: object }) => {
      inputs.push((args.input as Record<string, unknown>)[name]);
      return next(args);
    };
    client.middlewareStack.add(record as never, { step: 'initialize' });
    await work(createRedrives(client, aws.emulators.claimsTable));
    client.destroy();
    return inputs;
  }
});
