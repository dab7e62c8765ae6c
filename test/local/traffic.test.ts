import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Traffic } from '../../lib/local/traffic.ts';

describe('Between batches, the event source mapping', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Gives a pause that may end the turns it needs, on a clock that stands still. */
  async function isOver(pause: Promise<void>): Promise<boolean> {
    let over = false;
    void pause.then(() => {
      over = true;
    });
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return over;
  }

  it('does not pause when there are no requests', async () => {
    expect(await isOver(new Traffic().pause())).toBe(true);
  });

  it('pauses until requests have ended', async () => {
    const traffic = new Traffic();
    const request = Promise.withResolvers<void>();
    const answered = traffic.during(request.promise);
    const pause = traffic.pause();
    expect(await isOver(pause)).toBe(false);
    request.resolve();
    await answered;
    vi.setSystemTime(Date.now() + 20);
    await pause;
  });

  it('goes on after a while although requests never end, or it would starve', async () => {
    const traffic = new Traffic();
    void traffic.during(new Promise(() => {}));
    const pause = traffic.pause();
    expect(await isOver(pause)).toBe(false);
    vi.setSystemTime(Date.now() + 100);
    await pause;
  });

  it('counts a request that fails as ended', async () => {
    const traffic = new Traffic();
    await expect(traffic.during(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    vi.setSystemTime(Date.now() + 20);
    expect(await isOver(traffic.pause())).toBe(true);
  });
});
