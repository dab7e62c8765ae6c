import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../mock-platform/clock.ts';
import type { Delivery } from '../mock-platform/deliveries.ts';
import { wait } from '../support/wait.ts';
import { connected, longConnectionProgram, sampleEvent, startPlatform } from './program.ts';

/** Failures that are rarer than those in connection.test.ts. */
describe('The long-connection program', () => {
  const { aws, startProgram, startProxy, startWithHandler } = longConnectionProgram();

  it('exits soon after SIGTERM even if the queue does not respond', async () => {
    const platform = await startPlatform();
    const proxy = await startProxy();
    proxy.behavior = 'silent';
    const { running } = await startProgram(platform, proxy.environment);
    await connected(running);
    const delivery = platform.push(sampleEvent('e1'));
    await vi.waitFor(() => expect(proxy.requests).toBeGreaterThanOrEqual(1), wait);
    running.process.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect(delivery.responses).toEqual([{ code: 500 }]);
    await aws.drain();
  });

  it('loses no event while the queue is down, and recovers', async () => {
    const clock = new FakeClock();
    const platform = await startPlatform(clock);
    const proxy = await startProxy();
    const { running, healthUrl } = await startProgram(platform, proxy.environment);
    await connected(running);
    const deliveries: Delivery[] = [];
    const pushHundred = () => {
      const pushed = Array.from({ length: 100 }, (_, index) =>
        platform.push(sampleEvent(`e${deliveries.length + index}`)),
      );
      deliveries.push(...pushed);
      return Promise.all(pushed.map(({ settled }) => settled));
    };
    const inFlight = pushHundred();
    proxy.goDown();
    await pushHundred();
    await inFlight;
    proxy.behavior = 'normal';
    await pushHundred();
    expect((await fetch(healthUrl)).status).toBe(200);
    const failed = deliveries.filter(({ state }) => state === 'waiting');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.flatMap(({ responses }) => responses)).toEqual(failed.map(() => ({ code: 500 })));
    while (clock.advanceToNext(Infinity)) await Promise.all(deliveries.map(({ settled }) => settled));
    expect(deliveries.filter(({ state }) => state !== 'acknowledged')).toEqual([]);
    const queued = new Set((await aws.drain()).map(({ body }) => JSON.parse(body).uuid));
    expect(queued.size).toBe(300);
  });

  it('exits on SIGTERM even if a callback handler has left a timer running', async () => {
    const { running, click } = await startWithHandler(
      `export default onCallback('card.action.trigger', () => { setInterval(() => {}, 1000); return {}; });`,
    );
    await click('c1');
    running.process.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    await aws.drain();
  });

  it('stays connected if a promise that a callback did not await is rejected', async () => {
    const { platform, running, click, errors } = await startWithHandler(`
      const audit = async () => { throw new Error('The audit log is down'); };
      export default onCallback('card.action.trigger', () => {
        audit();
        return { toast: { type: 'info', content: 'Noted' } };
      });`);
    const { responses, eventId } = await click('c1');
    expect(responses).toMatchObject([{ code: 200, data: { toast: { content: 'Noted' } } }]);
    await vi.waitFor(() => expect(errors()).toHaveLength(1), wait);
    expect(errors()[0]).toMatchObject({
      event_id: eventId,
      event_type: 'card.action.trigger',
      error: 'Error: The audit log is down',
    });
    const event = platform.push(sampleEvent('e1'));
    await event.settled;
    expect(event.state).toBe('acknowledged');
    expect(running.output().match(/Connected to/g)).toHaveLength(1);
    await aws.drain();
  });

  it('handles an error that escapes a callback instead of existing listeners', async () => {
    const NODE_OPTIONS =
      "--import=data:text/javascript,for(const/**/name/**/of['unhandledRejection','uncaughtException'])process.on(name,()=>process.exit(128))";
    const { click, errors } = await startWithHandler(
      `export default onCallback('card.action.trigger', () => {
         void Promise.reject(new Error('rejected'));
         setImmediate(() => { throw new Error('thrown'); });
       });`,
      { NODE_OPTIONS },
    );
    await click('c1');
    await vi.waitFor(() => expect(errors()).toHaveLength(2), wait);
    expect((await click('c2')).responses).toMatchObject([{ code: 200 }]);
    await aws.drain();
  });

  it('continues after an unhandled rejection that no event caused, but exits after such an exception', async () => {
    // The program registers these listeners when it starts, so they run outside any handler's scope.
    const { running, click, errors } = await startWithHandler(`
      const fail = () => {
        throw Object.assign(new Error('The cache is down'), { config: { headers: { authorization: 'Bearer t-secret' } } });
      };
      const listenInstead = (signal, listener) => {
        const others = process.rawListeners(signal);
        process.on(signal, listener);
        for (const other of others) process.off(signal, other);
      };
      export default onCallback('card.action.trigger', () => {
        listenInstead('SIGINT', async () => fail());
        listenInstead('SIGTERM', fail);
      });`);
    await click('c1');
    running.process.kill('SIGINT');
    await vi.waitFor(() => expect(errors()).toHaveLength(1), wait);
    expect(errors()[0]).toMatchObject({ service: 'feishu-events', error: 'Error: The cache is down' });
    expect(errors()[0]).not.toHaveProperty('event_id');
    expect((await click('c2')).responses).toMatchObject([{ code: 200 }]);
    running.process.kill('SIGTERM');
    const { code, output } = await running.ended;
    expect(code).toBe(1);
    expect(errors()[1]).toMatchObject({ message: 'Uncaught exception: the process exits' });
    expect(output).not.toContain('t-secret');
    await aws.drain();
  });
});
