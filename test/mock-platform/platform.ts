import { type Clock, realClock } from './clock.ts';
import type { Framing } from './connection.ts';
import { Deliveries, type Delivery, type PlatformEvent, type PushOptions, type Transport } from './deliveries.ts';
import { Gateway } from './gateway.ts';
import { byWebhook, type Webhook } from './webhook.ts';

/**
 * A platform that behaves as Feishu does, on this machine: it pushes each event to one of the app's connections, or
 * to its webhook, waits for the acknowledgement, and pushes again on the retry ladder.
 */
export class FakePlatform {
  readonly gateway = new Gateway();
  readonly #deliveries: Deliveries;
  readonly #random: () => number;

  private constructor(clock: Clock, random: () => number) {
    this.#deliveries = new Deliveries(clock);
    this.#random = random;
  }

  /** @param random chooses the connection: from 0 (inclusive) to 1 (exclusive) */
  static async start(clock: Clock = realClock, random: () => number = Math.random): Promise<FakePlatform> {
    const platform = new FakePlatform(clock, random);
    await platform.gateway.listen();
    return platform;
  }

  /** What `FEISHU_DOMAIN` has to be. */
  get domain(): string {
    return this.gateway.domain;
  }

  get deliveries(): readonly Delivery[] {
    return this.#deliveries.all;
  }

  /** Pushes that are neither answered nor given up. */
  get inFlight(): number {
    return this.#deliveries.inFlight;
  }

  /** Pushes an event by long connection, until it is acknowledged or the ladder ends. */
  push(event: PlatformEvent, framing: Framing = {}, options: PushOptions = {}): Delivery {
    return this.#deliveries.push(event, this.#byLongConnection(framing), options);
  }

  /** Pushes an event by webhook, likewise. */
  pushByWebhook(event: PlatformEvent, webhook: Webhook, options: PushOptions = {}): Delivery {
    return this.#deliveries.push(event, byWebhook(webhook), options);
  }

  /** Pushes a callback, once. */
  pushCallback(event: PlatformEvent, framing: Framing = {}): Delivery {
    return this.#deliveries.push(event, this.#byLongConnection(framing), { isCallback: true });
  }

  async stop(): Promise<void> {
    await this.gateway.close();
  }

  /** Cluster mode: one of the connections gets the event, at random. */
  #byLongConnection(framing: Framing): Transport {
    return async (event) => {
      const { open } = this.gateway;
      return open[Math.floor(this.#random() * open.length)]?.push(event, framing);
    };
  }
}
