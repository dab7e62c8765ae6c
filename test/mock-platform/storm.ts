import { setImmediate } from 'node:timers/promises';
import type { FakePlatform } from './platform.ts';

export interface StormOptions {
  /** At most so many pushes are unanswered at a time. */
  inFlight: number;
  /** Hangs up each time so many have been pushed. */
  pushesBetweenHangUps: number;
}

/**
 * Pushes as long as there is something to push, hangs up now and then, and waits for the last answer.
 *
 * @param pushNext pushes one more. @returns whether there was one
 */
export async function pushInStorm(
  platform: FakePlatform,
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
