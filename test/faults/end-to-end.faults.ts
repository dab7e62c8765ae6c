import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import { deliverTwice } from './deliver-twice.ts';
import { allHandled, judge } from './oracle.ts';
import { messageEvents, type System, type SystemOptions, startSystem } from './system.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;

describe('Each event is handled and takes effect once', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ longConnection: true });
  });
  afterAll(() => system[Symbol.asyncDispose]());
  afterEach(() => {
    system.faults.clear();
    system.api.onCall = () => {};
  });

  it('if the platform pushes it again after success, by webhook and by long connection', async () => {
    const events = messageEvents(10);
    for (const event of events) {
      system.push(event, { isDuplicated: true });
      system.pushByLongConnection(event, { isDuplicated: true });
    }
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    const pushes = system.platform.deliveries.filter(({ event }) => events.includes(event));
    // More than 2 if the machine is too slow to acknowledge a push in time.
    expect(pushes.map((delivery) => delivery.pushes >= 2)).toEqual(Array(20).fill(true));
  });

  it('if it arrives again while its handler runs', async () => {
    const events = messageEvents(10);
    const happened = system.faults.add({
      operation: 'UpdateItem',
      events,
      times: 10,
      fault: { delayMilliseconds: 300 },
    });
    for (const event of events) for (let copy = 0; copy < 3; copy++) system.push(event);
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(happened()).toBe(10);
  });

  it('if the queue delivers twice and out of order', async () => {
    const events = messageEvents(10);
    const repeated = deliverTwice(system.faults);
    for (const event of events) system.push(event);
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(repeated()).toBeGreaterThan(0);
  });

  it.each([
    ['ReceiveMessage', { loseResponse: 'cut' }],
    ['ReceiveMessage', { reject: { status: 400, code: 'RequestThrottled' } }],
    ['DeleteMessageBatch', { reject: { status: 500, code: 'InternalError' } }],
    ['DeleteMessageBatch', { loseResponse: 'cut' }],
  ] as const)('if %s fails for the event source mapping: %o', async (operation, fault) => {
    const events = messageEvents(10);
    const happened = system.faults.add({ operation, times: 2, fault });
    for (const event of events) system.push(event);
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(happened()).toBe(2);
  });

  it('if the webhook freezes during a request and resumes after the platform has given up', async () => {
    await warmUp();
    const events = messageEvents(10);
    system.webhook.signal('SIGSTOP');
    const deliveries = events.map((event) => system.push(event));
    system.clock.advance(3000);
    await Promise.all(deliveries.map(({ settled }) => settled));
    expect(deliveries.map(({ state }) => state)).toEqual(Array(10).fill('waiting'));
    system.webhook.signal('SIGCONT');
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(deliveries.map(({ pushes }) => pushes)).toEqual(Array(10).fill(2));
  });

  it('with one push, if the connections to SQS ended while the webhook was frozen', async () => {
    await warmUp();
    system.webhook.signal('SIGSTOP');
    system.sqs.cutAll();
    system.webhook.signal('SIGCONT');
    const events = messageEvents(10);
    const deliveries = events.map((event) => system.push(event));
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(deliveries.map(({ pushes }) => pushes)).toEqual(Array(10).fill(1));
  });

  it('if its type is pushed in order, each event after the previous one is acknowledged', async () => {
    const events = messageEvents(10);
    const [, second] = events as [PlatformEvent, PlatformEvent];
    system.faults.add({ operation: 'SendMessage', events: [second], times: 3, fault: { lose: 'cut' } });
    const queued: string[] = [];
    system.faults.add({
      operation: 'SendMessage',
      events: events.filter((event) => event !== second),
      times: Infinity,
      fault: (event) => ({ after: () => queued.push(event?.id ?? '') }),
    });
    let after: ReturnType<System['push']> | undefined;
    for (const event of events) after = system.push(event, { after });
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(queued).toEqual(events.filter((event) => event !== second).map(({ id }) => id));
  });

  it('if SQS does not respond to ChangeMessageVisibility for a failed event of its batch', async () => {
    const events = messageEvents(10);
    const [failing] = events as [PlatformEvent];
    let failures = 0;
    system.api.onCall = (id, moment) => {
      if (id === failing.id && moment === 'before' && failures++ < 2) throw new Error('unavailable');
    };
    system.faults.add({ operation: 'ChangeMessageVisibility', times: Infinity, fault: { lose: 'silent' } });
    const timedOutBefore = system.worker.timedOut;
    for (const event of events) system.push(event);
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(failures).toBe(3);
    // A batch fails as a whole if the worker times out before it reports.
    expect(system.worker.timedOut).toBe(timedOutBefore);
  });

  it('or moves to the dead-letter queue, if DynamoDB is down for all five attempts', async () => {
    const [lucky, ...unlucky] = messageEvents(10) as [PlatformEvent, ...PlatformEvent[]];
    const fault = { reject: { status: 500, code: 'InternalServerError' } };
    system.faults.add({ operation: 'PutItem', events: unlucky, times: Infinity, fault });
    for (const event of [lucky, ...unlucky]) system.push(event);
    await system.finishPushes();
    const verdict = await judge(system, [lucky, ...unlucky]);
    expect(verdict).toEqual({ ...allHandled([lucky, ...unlucky]), dead: unlucky.map(({ id }) => id) });
  });

  async function warmUp(): Promise<void> {
    const events = messageEvents(1);
    for (const event of events) system.push(event);
    await system.finishPushes();
  }
});

describe('With a clock that is off by an hour', () => {
  it.each<[string, SystemOptions]>([
    ['in the webhook, ahead', { webhookClockShiftMilliseconds: HOUR_MILLISECONDS }],
    ['in the webhook, behind', { webhookClockShiftMilliseconds: -HOUR_MILLISECONDS }],
    ['in the worker, ahead', { workerClockShiftsMilliseconds: [HOUR_MILLISECONDS] }],
    ['in the worker, behind', { workerClockShiftsMilliseconds: [-HOUR_MILLISECONDS] }],
    ['in the first worker process, ahead', { workerClockShiftsMilliseconds: [HOUR_MILLISECONDS, 0, 0, 0] }],
    ['in the first worker process, behind', { workerClockShiftsMilliseconds: [-HOUR_MILLISECONDS, 0, 0, 0] }],
  ])('%s, each event is handled and takes effect once, although the worker is killed', async (_, options) => {
    await using system = await startSystem(options);
    const events = messageEvents(10);
    const happened = system.faults.add({
      operation: 'PutItem',
      events,
      times: 1,
      fault: (event) => ({ after: () => system.worker.kill(event?.id ?? '') }),
    });
    for (const event of events) system.push(event, { isDuplicated: true });
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(happened()).toBe(1);
  });

  it.each([
    ['ahead, then correct', [HOUR_MILLISECONDS, 0]],
    ['behind, then correct', [-HOUR_MILLISECONDS, 0]],
    ['correct, then ahead', [0, HOUR_MILLISECONDS]],
    ['correct, then behind', [0, -HOUR_MILLISECONDS]],
    ['ahead, then behind', [HOUR_MILLISECONDS, -HOUR_MILLISECONDS]],
  ])('in the worker processes, %s, an event that arrives three times at once runs once', async (_, shifts) => {
    await using system = await startSystem({ workerClockShiftsMilliseconds: shifts, workerTimeoutSeconds: 600 });
    const events = messageEvents(10);
    // Delays the correction of the lease, so that the handler still runs when the copies arrive.
    system.faults.add({ operation: 'UpdateItem', events, times: Infinity, fault: { delayMilliseconds: 300 } });
    for (let copy = 0; copy < 3; copy++) for (const event of events) system.push(event);
    await system.finishPushes();
    expect(await judge(system, events)).toEqual(allHandled(events));
    expect(events.map(({ id }) => system.runs.get(id))).toEqual(events.map(() => 1));
    expect(system.worker.started).toBeGreaterThan(1);
  });
});
