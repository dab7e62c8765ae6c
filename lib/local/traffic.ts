import { setTimeout as sleep } from 'node:timers/promises';

const QUIET_MILLISECONDS = 20;
const LONGEST_PAUSE_MILLISECONDS = 100;

/**
 * Pauses the worker while requests are in flight. Deployed, the webhook and the worker have separate processors. Locally
 * they share one machine, and acknowledgements take precedence, because the platform waits for them.
 */
export class Traffic {
  #inFlight = 0;
  #lastEnd = 0;

  /** Counts a request as in flight until its response. */
  async during<Result>(response: Promise<Result>): Promise<Result> {
    this.#inFlight += 1;
    try {
      return await response;
    } finally {
      this.#inFlight -= 1;
      this.#lastEnd = Date.now();
    }
  }

  /** Waits until no request has been in flight for 20 ms, for at most 100 ms, so that the worker still makes progress. */
  async pause(): Promise<void> {
    const end = Date.now() + LONGEST_PAUSE_MILLISECONDS;
    while (!this.#isQuiet() && Date.now() < end) await sleep(QUIET_MILLISECONDS);
  }

  #isQuiet(): boolean {
    return this.#inFlight === 0 && Date.now() - this.#lastEnd >= QUIET_MILLISECONDS;
  }
}
