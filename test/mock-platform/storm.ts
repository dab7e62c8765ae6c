import { setImmediate } from 'node:timers/promises';
import type { MockPlatform } from './platform.ts';

export interface StormOptions {
  /** Maximum number of unacknowledged pushes. */
  inFlight: number;
  /** Hangs up after this many pushes. */
  pushesBetweenHangUps: number;
}

/**
 * Pushes events, hangs up now and then, and waits for the last response.
 *
 * @param pushNext pushes the next event; returns `false` if there is none
 */
export async function pushInStorm(
  platform: MockPlatform,
  pushNext: () => boolean,
  { inFlight, pushesBetweenHangUps }: StormOptions,
): Promise<void> {
  for (let pushes = 1; ; pushes++) {
    while (platform.gateway.open.length === 0 || platform.inFlight >= inFlight) await setImmediate();
    if (!pushNext()) break;
    if (pushes % pushesBetweenHangUps === 0) platform.gateway.open[0]?.hangUp();
  }
  while (platform.inFlight > 0) await setImmediate();
}
