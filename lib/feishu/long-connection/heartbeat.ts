/** Sends pings and notices when nothing answers them: a healthy connection can be without events for hours. */
export class Heartbeat {
  readonly #ping: () => void;
  readonly #died: () => void;
  readonly #pongWithinMs: number;
  #nextPing: NodeJS.Timeout | undefined;
  #missingPong: NodeJS.Timeout | undefined;
  #intervalMs: number;

  /**
   * @param ping sends one
   * @param died called when a ping was not answered for `pongWithinMs`
   */
  constructor(ping: () => void, died: () => void, intervalMs: number, pongWithinMs: number) {
    this.#ping = ping;
    this.#died = died;
    this.#intervalMs = intervalMs;
    this.#pongWithinMs = pongWithinMs;
  }

  start(): void {
    this.#beat();
  }

  /** @param intervalMs how often the platform wants pings from now on */
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
    this.#ping();
    // Not started anew while one is missing: pings more often than `pongWithinMs` would put it off for ever.
    this.#missingPong ??= setTimeout(this.#died, this.#pongWithinMs);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#nextPing);
    this.#nextPing = setTimeout(() => this.#beat(), this.#intervalMs);
  }
}
