import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEmulator } from '../../lib/local/emulators/emulator.ts';
import { openTable } from '../../lib/local/emulators/table.ts';
import { createIdempotencyRecords, type IdempotencyRecords, type Lease } from '../../lib/store/idempotency-records.ts';

// With a table whose clock and whose workers' clocks only move when a test moves them.

/** What the table's clock shows. */
const NOW = Date.parse('2026-01-02T03:04:05.000Z');
const NOW_SECONDS = NOW / 1000;
const KEPT_SECONDS = 72 * 60 * 60;
/** A worker does not know the fraction of the second. */
const RESOLUTION_MILLISECONDS = 1000;
const LEASE_MILLISECONDS = 60_000;
const TABLE = 'records';

type Item = Record<string, AttributeValue>;
type Request = Record<string, unknown> & { operation: string };

let endpoint: string;
let stop: () => Promise<void>;
let table: DynamoDBClient;
beforeAll(async () => {
  const emulator = await startEmulator(new URL('../../lib/local/emulators/table-thread.ts', import.meta.url), {});
  ({ endpoint } = emulator);
  table = newClient();
  await openTable(table, TABLE);
  stop = () => emulator.stop();
});
afterAll(() => stop());

let records: IdempotencyRecords;
let requests: Request[];
/** Runs before each request, which waits for the result. */
let before: (request: Request, signal: AbortSignal | undefined) => unknown;
let id: string;
let tests = 0;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  requests = [];
  before = () => {};
  tests += 1;
  id = `record ${tests}`;
  records = newRecords();
});
afterEach(() => {
  vi.useRealTimers();
});

const clients: DynamoDBClient[] = [];
afterAll(() => {
  for (const client of clients) client.destroy();
});

function newClient(): DynamoDBClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ region: 'us-east-1', credentials, endpoint, maxAttempts: 1 });
  clients.push(client);
  return client;
}

/** Creates the records of a new worker. */
function newRecords(): IdempotencyRecords {
  const client = newClient();
  const { requestHandler } = client.config;
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (request, options: { abortSignal?: unknown } = {}) => {
    const operation = request.headers['x-amz-target']?.replace(/^.*\./, '') ?? '';
    const input: Request = { operation, ...JSON.parse(request.body) };
    requests.push(input);
    await before(input, options.abortSignal as AbortSignal | undefined);
    const result = await handle(request, options);
    result.response.headers.date = new Date(NOW).toUTCString();
    return result;
  };
  return createIdempotencyRecords(client, TABLE);
}

function lease(owner: string, options: Partial<Lease> = {}): Lease {
  return {
    id,
    owner,
    messageId: `message of ${owner}`,
    isolatedRuns: undefined,
    remainingMilliseconds: () => LEASE_MILLISECONDS,
    ...options,
  };
}

const { signal } = new AbortController();
const take = async (owner: string, options: Partial<Lease> = {}) =>
  (await records.take(lease(owner, options), signal)).other;

async function readItem(): Promise<Item | undefined> {
  return (await table.send(new GetItemCommand({ TableName: TABLE, Key: { id: { S: id } } }))).Item;
}

async function writeItem(item: Item): Promise<void> {
  await table.send(new PutItemCommand({ TableName: TABLE, Item: { id: { S: id }, ...item } }));
}

function itemOf(status: string, owner: string, options: { endsAt?: number; expiresAtSeconds?: number } = {}): Item {
  const { endsAt = NOW + LEASE_MILLISECONDS, expiresAtSeconds = NOW_SECONDS + KEPT_SECONDS } = options;
  return {
    status: { S: status },
    claimant: { S: owner },
    message_id: { S: `message of ${owner}` },
    in_progress_expiration: { N: `${endsAt}` },
    expiration: { N: `${expiresAtSeconds}` },
  };
}

describe('Taking a lease', () => {
  it('stores its owner, its end and the time until which the record is kept', async () => {
    expect(await take('owner')).toBeUndefined();
    expect(await readItem()).toEqual({
      id: { S: id },
      status: { S: 'INPROGRESS' },
      claimant: { S: 'owner' },
      message_id: { S: 'message of owner' },
      in_progress_expiration: { N: `${NOW + RESOLUTION_MILLISECONDS + LEASE_MILLISECONDS}` },
      expiration: { N: `${NOW_SECONDS + 1 + KEPT_SECONDS}` },
    });
    expect(requests.map(({ operation }) => operation)).toEqual(['PutItem']);
  });

  it('stores how many deliveries ran the event in isolation', async () => {
    await take('owner', { isolatedRuns: 0 });
    expect((await readItem())?.isolated_runs).toEqual({ N: '0' });
    await records.fail(id, 'owner', 'message', signal);
    await take('next', { isolatedRuns: 2, remainingMilliseconds: () => 59_999.5 });
    const { isolated_runs, in_progress_expiration } = (await readItem()) ?? {};
    expect(isolated_runs).toEqual({ N: '2' });
    expect(in_progress_expiration).toEqual({ N: `${NOW + RESOLUTION_MILLISECONDS + LEASE_MILLISECONDS}` });
  });

  const LONGEST_LEASE_END = NOW + RESOLUTION_MILLISECONDS + 15 * 60 * 1000 + 10_000;

  it.each<[string, Item]>([
    ['of a failed run', itemOf('FAILED', 'other')],
    ['that has expired', itemOf('COMPLETED', 'other', { expiresAtSeconds: NOW_SECONDS - 1 })],
    ['whose lease is its own already', itemOf('INPROGRESS', 'owner')],
    ['whose lease has ended', itemOf('INPROGRESS', 'other', { endsAt: NOW - 1 })],
    ['whose lease is longer than a function can run', itemOf('INPROGRESS', 'other', { endsAt: LONGEST_LEASE_END + 1 })],
  ])('replaces a record %s', async (_, item) => {
    await writeItem(item);
    expect(await take('owner')).toBeUndefined();
    const { status, claimant } = (await readItem()) ?? {};
    expect([status, claimant]).toEqual([{ S: 'INPROGRESS' }, { S: 'owner' }]);
  });

  it.each<[string, Item, { status: string; remainingMilliseconds: number }]>([
    [
      'whose lease another owner holds',
      itemOf('INPROGRESS', 'other'),
      { status: 'INPROGRESS', remainingMilliseconds: LEASE_MILLISECONDS },
    ],
    [
      'whose lease ends now',
      itemOf('INPROGRESS', 'other', { endsAt: NOW }),
      { status: 'INPROGRESS', remainingMilliseconds: 0 },
    ],
    [
      'whose lease is the longest possible',
      itemOf('INPROGRESS', 'other', { endsAt: LONGEST_LEASE_END }),
      { status: 'INPROGRESS', remainingMilliseconds: LONGEST_LEASE_END - NOW },
    ],
    [
      'of a completed event',
      itemOf('COMPLETED', 'other', { endsAt: NOW - 1 }),
      { status: 'COMPLETED', remainingMilliseconds: -1 },
    ],
    [
      'of an event that this owner completed',
      itemOf('COMPLETED', 'owner'),
      { status: 'COMPLETED', remainingMilliseconds: LEASE_MILLISECONDS },
    ],
    [
      'that expires in this second',
      itemOf('COMPLETED', 'other', { expiresAtSeconds: NOW_SECONDS }),
      { status: 'COMPLETED', remainingMilliseconds: LEASE_MILLISECONDS },
    ],
  ])('returns a record %s, and leaves it unchanged', async (_, item, record) => {
    await writeItem(item);
    const found = await take('owner');
    expect(found).toEqual({ messageId: item.message_id?.S, result: undefined, isolatedRuns: 0, ...record });
    expect(await readItem()).toEqual({ id: { S: id }, ...item });
  });

  it('returns the result and the isolated runs of the record', async () => {
    await writeItem({ ...itemOf('COMPLETED', 'other'), result: { S: 'handled' }, isolated_runs: { N: '3' } });
    expect(await take('owner')).toMatchObject({ result: 'handled', isolatedRuns: 3 });
  });

  it('compares the end of a lease with the table’s clock, not with the worker’s', async () => {
    await writeItem(itemOf('INPROGRESS', 'other'));
    vi.setSystemTime(NOW + 24 * 60 * 60 * 1000);
    expect(await take('owner')).toMatchObject({ remainingMilliseconds: LEASE_MILLISECONDS });
  });

  it.each<[string, Item]>([
    ['extended by its owner', itemOf('INPROGRESS', 'other', { endsAt: NOW + 5 })],
    ['taken over by another worker', itemOf('INPROGRESS', 'third', { endsAt: NOW - 1 })],
    ['completed', itemOf('COMPLETED', 'other', { endsAt: NOW - 1 })],
  ])('leaves a lease that has ended, but was %s meanwhile', async (_, item) => {
    await writeItem(itemOf('INPROGRESS', 'other', { endsAt: NOW - 1 }));
    before = async () => {
      if (requests.filter(({ operation }) => operation === 'PutItem').length === 2) await writeItem(item);
    };
    const found = await take('owner');
    expect(found).toMatchObject({ status: item.status?.S, messageId: item.message_id?.S });
    expect(await readItem()).toEqual({ id: { S: id }, ...item });
  });

  it('reads the record consistently if DynamoDB does not return it', async () => {
    await writeItem(itemOf('COMPLETED', 'other', { endsAt: NOW - 1 }));
    await take('owner');
    expect(requests.map(({ operation }) => operation)).toEqual(['PutItem', 'GetItem']);
    expect(requests[0]).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
    expect(requests[1]).toMatchObject({ ConsistentRead: true });
  });

  it('does not read the record if DynamoDB returns it, which dynalite does not', async () => {
    const Item = itemOf('COMPLETED', 'other');
    before = () => {
      throw new ConditionalCheckFailedException({ message: 'condition', $metadata: {}, Item });
    };
    expect(await take('owner')).toMatchObject({ status: 'COMPLETED', messageId: 'message of other' });
    expect(requests.length).toBe(1);
  });

  it('returns an empty record if it was deleted meanwhile', async () => {
    before = ({ operation }) => {
      if (operation === 'PutItem') throw new ConditionalCheckFailedException({ message: 'condition', $metadata: {} });
    };
    expect(await take('owner')).toMatchObject({ status: undefined, messageId: undefined, isolatedRuns: 0 });
  });

  it('fails if DynamoDB rejects the request for another reason', async () => {
    before = ({ operation }) => {
      if (operation === 'PutItem') throw new Error('Slow down');
    };
    await expect(take('owner')).rejects.toThrow('Slow down');
  });
});

describe('A lease written before the table’s time was known', () => {
  it.each([-1000, 0, 10_000])('by a clock that is %i ms ahead is not corrected', async (ahead) => {
    vi.setSystemTime(NOW + ahead);
    expect(await take('owner')).toBeUndefined();
    expect(requests.map(({ operation }) => operation)).toEqual(['PutItem']);
  });

  it.each([-3_600_000, -1001, 10_001, 3_600_000])('by a clock that is %i ms ahead is corrected', async (ahead) => {
    vi.setSystemTime(NOW + ahead);
    const remaining = [LEASE_MILLISECONDS, LEASE_MILLISECONDS - 0.5];
    expect(await take('owner', { remainingMilliseconds: () => remaining.shift() as number })).toBeUndefined();
    expect(await readItem()).toMatchObject({
      status: { S: 'INPROGRESS' },
      claimant: { S: 'owner' },
      in_progress_expiration: { N: `${NOW + RESOLUTION_MILLISECONDS + LEASE_MILLISECONDS}` },
      expiration: { N: `${NOW_SECONDS + 1 + KEPT_SECONDS}` },
    });
  });

  it.each<[string, Item]>([
    ['another worker took it over', itemOf('INPROGRESS', 'other')],
    ['it was completed', itemOf('COMPLETED', 'owner')],
  ])('is not corrected if %s meanwhile', async (_, item) => {
    vi.setSystemTime(NOW + 3_600_000);
    before = async ({ operation }) => {
      if (operation === 'UpdateItem') await writeItem(item);
    };
    expect(await take('owner')).toMatchObject({ status: item.status?.S, messageId: item.message_id?.S });
    expect(await readItem()).toEqual({ id: { S: id }, ...item });
    expect(requests[1]).toMatchObject({ operation: 'UpdateItem', ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
  });

  it('is not needed by later leases of the same worker', async () => {
    vi.setSystemTime(NOW + 3_600_000);
    await take('owner');
    requests = [];
    id = `${id}, second`;
    expect(await take('owner')).toBeUndefined();
    expect(requests.map(({ operation }) => operation)).toEqual(['PutItem']);
    const end = NOW + RESOLUTION_MILLISECONDS + LEASE_MILLISECONDS;
    expect((await readItem())?.in_progress_expiration).toEqual({ N: `${end}` });
  });
});

describe('Completing an event', () => {
  const completed = {
    status: { S: 'COMPLETED' },
    message_id: { S: 'message' },
    result: { S: 'handled' },
    expiration: { N: `${NOW_SECONDS + 1 + KEPT_SECONDS}` },
  };

  it.each<[string, Item | undefined]>([
    ['without a record', undefined],
    ['whose lease its owner holds', itemOf('INPROGRESS', 'owner')],
    ['whose lease another owner has taken over', itemOf('INPROGRESS', 'other', { expiresAtSeconds: 1 })],
  ])('%s stores its result', async (_, item) => {
    if (item !== undefined) await writeItem(item);
    await records.complete(id, 'message', 'handled', signal);
    expect(await readItem()).toEqual({ id: { S: id }, ...item, ...completed });
  });
});

describe('A failed run', () => {
  const failed = {
    status: { S: 'FAILED' },
    message_id: { S: 'message' },
    expiration: { N: `${NOW_SECONDS + 1 + KEPT_SECONDS}` },
  };

  it.each<[string, Item | undefined]>([
    ['whose event has no record', undefined],
    ['that holds the lease', itemOf('INPROGRESS', 'owner', { expiresAtSeconds: 1 })],
  ])('%s is recorded', async (_, item) => {
    if (item !== undefined) await writeItem(item);
    await records.fail(id, 'owner', 'message', signal);
    expect(await readItem()).toEqual({ id: { S: id }, ...item, ...failed });
  });

  it.each<[string, Item]>([
    ['if another owner holds the lease', itemOf('INPROGRESS', 'other')],
    ['if it has completed the event', itemOf('COMPLETED', 'owner')],
  ])('is not recorded %s', async (_, item) => {
    await writeItem(item);
    await expect(records.fail(id, 'owner', 'message', signal)).rejects.toThrow(ConditionalCheckFailedException);
    expect(await readItem()).toEqual({ id: { S: id }, ...item });
  });
});

describe('Reading records', () => {
  it('returns those that exist, by id', async () => {
    await records.fail(id, 'owner', 'message', signal);
    expect(await records.readMany([id, `${id}, missing`], signal)).toEqual(
      new Map([
        [
          id,
          { status: 'FAILED', messageId: 'message', result: undefined, remainingMilliseconds: -NOW, isolatedRuns: 0 },
        ],
      ]),
    );
  });
});

describe('When DynamoDB does not respond,', () => {
  const methods: [string, (records: IdempotencyRecords, signal: AbortSignal) => Promise<unknown>][] = [
    ['taking a lease', (given, abort) => given.take(lease('owner'), abort)],
    ['completing', (given, abort) => given.complete(id, 'message', 'handled', abort)],
    ['failing', (given, abort) => given.fail(id, 'owner', 'message', abort)],
    ['reading', (given, abort) => given.readMany([id], abort)],
  ];

  it.each(methods)('%s ends with the signal, and ends the request', async (_, run) => {
    const controller = new AbortController();
    const requested = Promise.withResolvers<AbortSignal | undefined>();
    before = (_, given) => {
      requested.resolve(given);
      return new Promise(() => {});
    };
    const running = run(records, controller.signal);
    const given = await requested.promise;
    const reason = new Error('no time left');
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(given?.aborted).toBe(true);
  });

  it('reading the record that prevents a lease ends with the signal, and ends the request', async () => {
    await writeItem(itemOf('COMPLETED', 'other'));
    const controller = new AbortController();
    const requested = Promise.withResolvers<AbortSignal | undefined>();
    before = ({ operation }, given) => {
      if (operation !== 'GetItem') return undefined;
      requested.resolve(given);
      return new Promise(() => {});
    };
    const taking = records.take(lease('owner'), controller.signal);
    const given = await requested.promise;
    const reason = new Error('no time left');
    controller.abort(reason);
    await expect(taking).rejects.toBe(reason);
    expect(given?.aborted).toBe(true);
  });
});
