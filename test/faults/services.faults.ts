import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { Fault } from './faulty-proxy.ts';
import { allHandled, judge } from './oracle.ts';
import { messageEvents, type System, startSystem } from './system.ts';

/** The AWS SDK makes three attempts; with a fault in each, the call fails. */
const ALL_ATTEMPTS = 3;

const FAULTS: Record<string, Fault> = {
  'rejects requests with an internal error': { reject: { status: 500, code: 'InternalServerError' } },
  'throttles requests': { reject: { status: 400, code: 'ThrottlingException' } },
  'is slow': { delayMilliseconds: 800 },
  'never receives the request': { lose: 'silent' },
  'accepts the request and never responds': { loseResponse: 'silent' },
  'cuts the connection': { lose: 'cut' },
  'accepts the request and cuts the connection': { loseResponse: 'cut' },
};

describe.each([
  ['SQS', 'SendMessage'],
  ['DynamoDB', 'PutItem'],
  ['DynamoDB', 'UpdateItem'],
])('If %s (%s)', (_, operation) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system[Symbol.asyncDispose]());
  beforeEach(() => system.faults.clear());

  it.each(Object.entries(FAULTS))('%s, each event is handled and takes effect once', async (_name, fault) => {
    const events = messageEvents(10);
    const happened = system.faults.add({ operation, events: events.slice(0, 4), times: 3 * ALL_ATTEMPTS, fault });
    expect(await pushAndJudge(events)).toEqual(allHandled(events));
    expect(happened()).toBeGreaterThanOrEqual(4);
  });

  async function pushAndJudge(events: readonly PlatformEvent[]) {
    for (const event of events) system.push(event);
    await system.finishPushes();
    return judge(system, events);
  }
});
