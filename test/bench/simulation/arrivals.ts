import type { Random } from './random.ts';

/** How the platform sends events: a Poisson process with periodic bursts. */
export interface Traffic {
  /** Average over a period, including the burst. */
  eventsPerSecond: number;
  seconds: number;
  /** The rate in a burst divided by the rate between bursts. 1: no bursts. */
  burstFactor: number;
  burstSeconds: number;
  /** From the start of a burst to the start of the next. */
  periodSeconds: number;
}

/** Generates arrival times in seconds, in ascending order. Each period starts with its burst. */
export function* arrivalsOf(traffic: Traffic, random: Random): Generator<number> {
  const { eventsPerSecond, seconds, burstFactor, burstSeconds, periodSeconds } = traffic;
  const quietRate = (eventsPerSecond * periodSeconds) / (periodSeconds + (burstFactor - 1) * burstSeconds);
  let time = 0;
  while (true) {
    const elapsed = time % periodSeconds;
    const isBurst = elapsed < burstSeconds;
    const endOfRate = time - elapsed + (isBurst ? burstSeconds : periodSeconds);
    const next = time + random.exponential(1 / (isBurst ? quietRate * burstFactor : quietRate));
    // A Poisson process is memoryless: it restarts when the rate changes.
    time = Math.min(next, endOfRate);
    if (time >= seconds) return;
    if (next < endOfRate) yield time;
  }
}
