import type { Clock } from './clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long the platform waits for an acknowledgement. */
export const ACKNOWLEDGEMENT_TIMEOUT_MS = 3 * SECOND_MS;
/** The delay of each retry. */
const RETRY_AFTER_MS = [15 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS];
/** Not documented by the platform. */
const DUPLICATE_AFTER_MS = 10 * SECOND_MS;

/** The app's response to a push. */
export interface PushResponse {
  code: number;
  /** The response to a callback. */
  data?: unknown;
}

/**
 * Pushes an event to the app, by long connection or webhook.
 *
 * @returns the app's response; `undefined` if there can be none
 */
export type Transport = (event: PlatformEvent) => Promise<PushResponse | undefined>;

export interface PlatformEvent {
  id: string;
  /** The event's JSON text, sent unchanged. */
  text: string;
}

export interface PushOptions {
  /** Never retried. */
  isCallback?: boolean;
  /** Pushed once more after it was acknowledged, as the platform does occasionally. */
  isDuplicated?: boolean;
  /** For event types pushed in order: waits until this delivery is acknowledged or given up. */
  after?: Delivery | undefined;
}

/** An event and its pushes. */
export interface Delivery {
  readonly event: PlatformEvent;
  /** Number of pushes so far. */
  pushes: number;
  /** The responses that arrived in time. */
  responses: PushResponse[];
  /** How long the response with code 200 took, by the system clock. */
  acknowledgedInMs?: number;
  state: 'pushed' | 'waiting' | 'acknowledged' | 'given up';
  /** When the response with code 200 arrived, by `performance.now()`. */
  acknowledgedAt?: number;
  /** Resolves when the current push has received a response or timed out. */
  settled: Promise<void>;
  /** Resolves when the event is acknowledged or given up. */
  readonly ended: Promise<void>;
}

/** Pushes events as the platform does: retries until a push gets a response with code 200 in time. */
export class Deliveries {
  readonly all: Delivery[] = [];
  /** Number of pushes without a response that have not timed out. */
  inFlight = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  push(
    event: PlatformEvent,
    transport: Transport,
    { isCallback = false, isDuplicated = false, after }: PushOptions = {},
  ): Delivery {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const delivery: Delivery = { event, pushes: 0, responses: [], state: 'waiting', settled: Promise.resolve(), ended };
    this.all.push(delivery);
    const waits = isCallback ? [] : RETRY_AFTER_MS;
    const attempt = () => {
      delivery.state = 'pushed';
      this.inFlight++;
      const waitMs = waits[delivery.pushes++];
      const pushedAt = performance.now();
      delivery.settled = this.#sendPush(event, transport).then((response) => {
        this.inFlight--;
        if (response !== undefined) delivery.responses.push(response);
        if (response?.code === 200) {
          delivery.state = 'acknowledged';
          delivery.acknowledgedAt = performance.now();
          delivery.acknowledgedInMs = delivery.acknowledgedAt - pushedAt;
          if (isDuplicated) this.#clock.schedule(DUPLICATE_AFTER_MS, () => this.#repeat(delivery, transport));
          end();
        } else if (waitMs === undefined) {
          delivery.state = 'given up';
          end();
        } else {
          delivery.state = 'waiting';
          this.#clock.schedule(waitMs, attempt);
        }
      });
    };
    if (after === undefined) attempt();
    else void after.ended.then(attempt);
    return delivery;
  }

  /** Pushes an acknowledged event again; the response changes nothing. */
  #repeat(delivery: Delivery, transport: Transport): void {
    this.inFlight++;
    delivery.pushes++;
    delivery.settled = this.#sendPush(delivery.event, transport).then((response) => {
      this.inFlight--;
      if (response !== undefined) delivery.responses.push(response);
    });
  }

  #sendPush(event: PlatformEvent, transport: Transport): Promise<PushResponse | undefined> {
    const { promise, resolve } = Promise.withResolvers<PushResponse | undefined>();
    const cancel = this.#clock.schedule(ACKNOWLEDGEMENT_TIMEOUT_MS, () => resolve(undefined));
    transport(event).then(resolve, () => resolve(undefined));
    return promise.finally(cancel);
  }
}
