import { getPriority, setPriority } from 'node:os';

/** Of 19; the threads that acknowledge have 0 as a rule. Under contention it leaves about a tenth of a processor. */
const BACKGROUND_PRIORITY = 10;

/**
 * Lets other threads go first when processors are short. Deployed, the worker has processors of its own. Here it shares
 * them with the acknowledgement, which the platform waits for. Only Linux has priorities of threads.
 */
export function yieldToOtherThreads(): void {
  if (process.platform === 'linux') setPriority(Math.max(getPriority(), BACKGROUND_PRIORITY));
}
