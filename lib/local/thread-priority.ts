import { getPriority, setPriority } from 'node:os';

/** From 0, the default, to 19, the lowest. Under contention, 10 leaves about a tenth of a processor. */
const BACKGROUND_PRIORITY = 10;

/**
 * Lowers the priority of this thread. Deployed, the worker has separate processors. Locally it shares them with the
 * webhook, whose acknowledgements the platform waits for. Only Linux has thread priorities.
 */
export function lowerThreadPriority(): void {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), BACKGROUND_PRIORITY));
}
