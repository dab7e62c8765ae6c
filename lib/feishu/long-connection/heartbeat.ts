/** Detects dead connections with pings, because a healthy connection can be without events for hours. */
export class Heartbeat {
  readonly #sendPing: () => void;
  readonly #onTimeout: () => void;
  readonly #pongWithinMs: number;
  #nextPing: NodeJS.Timeout | undefined;
  #missingPong: NodeJS.Timeout | undefined;
  #intervalMs: number;

  /**
   * @param sendPing sends a ping
   * @param onTimeout called if a ping is not answered within `pongWithinMs`
   */
  constructor(sendPing: () => void, onTimeout: () => void, intervalMs: number, pongWithinMs: number) {
    this.#sendPing = sendPing;
    this.#onTimeout = onTimeout;
    this.#intervalMs = intervalMs;
    this.#pongWithinMs = pongWithinMs;
  }

  start(): void {
    this.#beat();
  }

  /** @param intervalMs the interval between pings that the platform requests */
  pong(intervalMs: number): void {
    clearTimeout(this.#missingPong);
    this.#missingPong = undefined;
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#nextPing);
    clearTimeout(this.#missingPong);
  }

  #beat(): void {
    this.#sendPing();
    // Does not restart a running timer: pings more frequent than `pongWithinMs` would postpone it indefinitely.
    this.#missingPong ??= setTimeout(this.#onTimeout, this.#pongWithinMs);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#nextPing);
    this.#nextPing = setTimeout(() => this.#beat(), this.#intervalMs);
  }
}
