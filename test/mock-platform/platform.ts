import { type Clock, realClock } from './clock.ts';
import type { Framing } from './connection.ts';
import { Deliveries, type Delivery, type PlatformEvent, type PushOptions, type Transport } from './deliveries.ts';
import { Gateway } from './gateway.ts';
import { byWebhook, type Webhook } from './webhook.ts';

/**
 * Behaves as Feishu does: pushes each event to one of the app's connections or to its webhook, waits for the
 * acknowledgement, and retries with the platform's delays.
 */
export class MockPlatform {
  readonly gateway = new Gateway();
  readonly #deliveries: Deliveries;
  readonly #random: () => number;

  private constructor(clock: Clock, random: () => number) {
    this.#deliveries = new Deliveries(clock);
    this.#random = random;
  }

  /** @param random chooses the connection: from 0 (inclusive) to 1 (exclusive) */
  static async start(clock: Clock = realClock, random: () => number = Math.random): Promise<MockPlatform> {
    const platform = new MockPlatform(clock, random);
    await platform.gateway.listen();
    return platform;
  }

  /** The value of `FEISHU_DOMAIN` for clients. */
  get domain(): string {
    return this.gateway.domain;
  }

  get deliveries(): readonly Delivery[] {
    return this.#deliveries.all;
  }

  /** Number of pushes without a response that have not timed out. */
  get inFlight(): number {
    return this.#deliveries.inFlight;
  }

  /** Pushes an event by long connection until it is acknowledged or the retries end. */
  push(event: PlatformEvent, framing: Framing = {}, options: PushOptions = {}): Delivery {
    return this.#deliveries.push(event, this.#byLongConnection(framing), options);
  }

  /** Pushes an event by webhook until it is acknowledged or the retries end. */
  pushByWebhook(event: PlatformEvent, webhook: Webhook, options: PushOptions = {}): Delivery {
    return this.#deliveries.push(event, byWebhook(webhook), options);
  }

  /** Pushes a callback by long connection, without retries. */
  pushCallback(event: PlatformEvent, framing: Framing = {}): Delivery {
    return this.#deliveries.push(event, this.#byLongConnection(framing), { isCallback: true });
  }

  async stop(): Promise<void> {
    await this.gateway.close();
  }

  /** Cluster mode: a random connection receives the event. */
  #byLongConnection(framing: Framing): Transport {
    return async (event) => {
      const { open } = this.gateway;
      return open[Math.floor(this.#random() * open.length)]?.push(event, framing);
    };
  }
}
