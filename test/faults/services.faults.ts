import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import type { Fault } from './faulty-proxy.ts';
import { allHandled, judge } from './oracle.ts';
import { messageEvents, type System, startSystem } from './system.ts';

/** The SDK tries three times: so often, nothing of a call gets through. */
const ALL_ATTEMPTS = 3;

const FAULTS: Record<string, Fault> = {
  'refuses with an error of its own': { reject: { status: 500, code: 'InternalServerError' } },
  throttles: { reject: { status: 400, code: 'ThrottlingException' } },
  'is slow': { delayMilliseconds: 800 },
  'gets nothing, and nothing comes back': { lose: 'silent' },
  'accepts, and nothing comes back': { loseResponse: 'silent' },
  'ends the connection': { lose: 'cut' },
  'accepts, and the connection ends': { loseResponse: 'cut' },
};

describe.each([
  ['SQS', 'SendMessage'],
  ['DynamoDB', 'PutItem'],
  ['DynamoDB', 'UpdateItem'],
])('While %s at %s', (_, operation) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system[Symbol.asyncDispose]());
  beforeEach(() => system.faults.clear());

  it.each(Object.entries(FAULTS))('%s, each event is handled, with one effect', async (_name, fault) => {
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
