import type { Random } from './random.ts';

/** How the platform sends events: a Poisson process, whose rate rises from time to time. */
export interface Traffic {
  /** Of a whole period, bursts included. */
  eventsPerSecond: number;
  seconds: number;
  /** How many times the rate between the bursts a burst has. 1: no bursts. */
  burstFactor: number;
  burstSeconds: number;
  /** From the beginning of a burst to that of the next. */
  periodSeconds: number;
}

/** @returns the times of arrival in seconds, each later than the one before; each period begins with its burst */
export function* arrivalsOf(traffic: Traffic, random: Random): Generator<number> {
  const { eventsPerSecond, seconds, burstFactor, burstSeconds, periodSeconds } = traffic;
  const quietRate = (eventsPerSecond * periodSeconds) / (periodSeconds + (burstFactor - 1) * burstSeconds);
  let time = 0;
  while (true) {
    const elapsed = time % periodSeconds;
    const isBurst = elapsed < burstSeconds;
    const endOfRate = time - elapsed + (isBurst ? burstSeconds : periodSeconds);
    const next = time + random.exponential(1 / (isBurst ? quietRate * burstFactor : quietRate));
    // A Poisson process has no memory: where the rate changes, it starts anew.
    time = Math.min(next, endOfRate);
    if (time >= seconds) return;
    if (next < endOfRate) yield time;
  }
}
