import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSharedCallSlots } from '../../lib/api-client/shared-call-slots.ts';
import { type CallSchedules, createCallSchedules } from '../../lib/store/call-schedules.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { type CallCounter, startCallCounter } from '../support/call-counter.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

const aws = emulatedAws();
const REPLY = { method: 'POST', url: '/open-apis/im/v1/messages/om_1/reply' };
const PUT = 'DynamoDB_20120810.PutItem';
let counter: CallCounter;
let dynamo: DynamoDBClient;
let schedules: CallSchedules;
beforeAll(async () => {
  counter = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string);
  dynamo = new DynamoDBClient({ endpoint: counter.origin });
  schedules = createCallSchedules(dynamo, aws.emulators.claimsTable);
});
afterAll(async () => {
  dynamo.destroy();
  await counter[Symbol.asyncDispose]();
});

/** Creates the slots of one worker. */
function slotsOf(appId: string, { tenant, chat }: { tenant?: string; chat?: string } = {}) {
  return createSharedCallSlots(schedules, appId)({ tenant, chat, log: createLogCapture().log });
}

it('The workers of an app never get the same time', async () => {
  const appId = randomUUID();
  const workers = Array.from({ length: 5 }, () => slotsOf(appId));
  const now = Date.now();
  const reserve = () =>
    workers.flatMap((worker) => Array.from({ length: 8 }, () => worker.reserve(REPLY, now, now + 1e6)));
  const times = [...(await Promise.all(reserve())), ...(await Promise.all(reserve()))];
  expect(new Set(times).size).toBe(80);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(now);
  const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
  expect(seconds).toBeGreaterThanOrEqual(2);
});

it('The calls that wait at the same time share one write, and each later call needs one', async () => {
  const worker = slotsOf(randomUUID(), { chat: 'oc_1' });
  const now = Date.now();
  delete counter.calls[PUT];
  await Promise.all(Array.from({ length: 10 }, () => worker.reserve(REPLY, now, now + 1e6)));
  expect(counter.calls[PUT]).toBe(1);
  for (let index = 0; index < 3; index += 1) await worker.reserve(REPLY, now, now + 1e6);
  expect(counter.calls[PUT]).toBe(4);
});

it('A call that cannot be made in time needs no write', async () => {
  const appId = randomUUID();
  const now = Date.now();
  for (let index = 0; index < 20; index += 1) await slotsOf(appId, { chat: 'oc_1' }).reserve(REPLY, now, now + 1e6);
  delete counter.calls[PUT];
  const time = await slotsOf(appId, { chat: 'oc_1' }).reserve(REPLY, now, now + 1);
  expect(time).toBeGreaterThan(now + 1000);
  expect(counter.calls[PUT]).toBeUndefined();
});

it('Apps, the tenants of a store app and chats do not delay each other', async () => {
  const appId = randomUUID();
  const now = Date.now();
  const busy = slotsOf(appId, { tenant: 'tenant 1', chat: 'oc_1' });
  const last = Math.max(...(await Promise.all(Array.from({ length: 40 }, () => busy.reserve(REPLY, now, now + 1e6)))));
  for (const other of [
    slotsOf(appId, { tenant: 'tenant 1', chat: 'oc_2' }),
    slotsOf(appId, { tenant: 'tenant 2', chat: 'oc_1' }),
    slotsOf(randomUUID(), { tenant: 'tenant 1', chat: 'oc_1' }),
  ]) {
    expect(await other.reserve(REPLY, now, now + 1e6)).toBeLessThan(last);
  }
});

it('Calls are made at once if DynamoDB fails, and other requests need no time', async () => {
  const { log, lines } = createLogCapture();
  const fail = async () => {
    throw new Error('DynamoDB is down');
  };
  const slots = createSharedCallSlots({ read: fail, replace: fail }, 'cli_1')({ tenant: undefined, chat: 'oc_1', log });
  expect(await slots.reserve({ url: 'https://example.com' }, 5, 6)).toBe(5);
  expect(lines).toEqual([]);
  expect(await Promise.all([slots.reserve(REPLY, 7, 8), slots.reserve(REPLY, 9, 10)])).toEqual([7, 9]);
  expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: No time could be reserved for calls. They are made at once',
  ]);
});
