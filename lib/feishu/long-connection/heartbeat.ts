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
    this.#ping();
    this.#missingPong ??= setTimeout(this.#died, this.#pongWithinMs);
    this.#nextPing = setTimeout(() => this.start(), this.#intervalMs);
  }

  /** @param intervalMs how often the platform wants pings from now on */
  pong(intervalMs: number): void {
    clearTimeout(this.#missingPong);
    this.#missingPong = undefined;
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    clearTimeout(this.#nextPing);
    this.#nextPing = setTimeout(() => this.start(), intervalMs);
  }

  stop(): void {
    clearTimeout(this.#nextPing);
    clearTimeout(this.#missingPong);
  }
}
