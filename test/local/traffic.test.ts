import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Traffic } from '../../lib/local/traffic.ts';

describe('Between batches, the event source mapping', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Returns whether a pause ends without the clock advancing. */
  async function hasEnded(pause: Promise<void>): Promise<boolean> {
    let ended = false;
    void pause.then(() => {
      ended = true;
    });
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return ended;
  }

  it('does not pause without requests', async () => {
    expect(await hasEnded(new Traffic().pause())).toBe(true);
  });

  it('pauses until requests have ended', async () => {
    const traffic = new Traffic();
    const request = Promise.withResolvers<void>();
    const responded = traffic.during(request.promise);
    const pause = traffic.pause();
    expect(await hasEnded(pause)).toBe(false);
    request.resolve();
    await responded;
    vi.setSystemTime(Date.now() + 20);
    await pause;
  });

  it('pauses for at most 100 ms, even if requests never end', async () => {
    const traffic = new Traffic();
    void traffic.during(new Promise(() => {}));
    const pause = traffic.pause();
    expect(await hasEnded(pause)).toBe(false);
    vi.setSystemTime(Date.now() + 100);
    await pause;
  });

  it('does not wait for a failed request', async () => {
    const traffic = new Traffic();
    await expect(traffic.during(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    vi.setSystemTime(Date.now() + 20);
    expect(await hasEnded(traffic.pause())).toBe(true);
  });
});
