import { setTimeout as sleep } from 'node:timers/promises';

const QUIET_MILLISECONDS = 20;
const LONGEST_PAUSE_MILLISECONDS = 100;

/**
 * Knows when requests come. Deployed, the webhook and the worker have processors of their own. Here they share one
 * machine, and the acknowledgement goes first: the platform waits for it.
 */
export class Traffic {
  #underWay = 0;
  #lastEnd = 0;

  /** Counts a request from now until its answer. */
  async during<Result>(answer: Promise<Result>): Promise<Result> {
    this.#underWay += 1;
    try {
      return await answer;
    } finally {
      this.#underWay -= 1;
      this.#lastEnd = Date.now();
    }
  }

  /** Waits until there has been no request for a moment, but not for long: the work that waits must be done as well. */
  async pause(): Promise<void> {
    const end = Date.now() + LONGEST_PAUSE_MILLISECONDS;
    while (!this.#isQuiet() && Date.now() < end) await sleep(QUIET_MILLISECONDS);
  }

  #isQuiet(): boolean {
    return this.#underWay === 0 && Date.now() - this.#lastEnd >= QUIET_MILLISECONDS;
  }
}
