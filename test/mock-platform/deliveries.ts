import type { Clock } from './clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The platform waits this long for an acknowledgement. */
export const ANSWER_WITHIN_MS = 3 * SECOND_MS;
/** How long after a failure an event is pushed again, the first time, the second, … */
const RETRY_AFTER_MS = [15 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS];
/** When a duplicate comes is not documented. */
const DUPLICATE_AFTER_MS = 10 * SECOND_MS;

/** What came back for a push. */
export interface Answer {
  code: number;
  /** A callback's answer. */
  data?: unknown;
}

/**
 * A way to push an event to the app: the long connection, or a webhook.
 *
 * @returns the app's answer; `undefined` when it is certain that none will come
 */
export type Transport = (event: PlatformEvent) => Promise<Answer | undefined>;

export interface PlatformEvent {
  id: string;
  /** Its JSON, sent byte by byte. */
  text: string;
}

export interface PushOptions {
  /** It is never pushed again. */
  isCallback?: boolean;
  /** It is pushed once more after it was acknowledged, as happens now and then. */
  isDuplicated?: boolean;
  /** Of an event type that is pushed in order: it waits until the one before is acknowledged, or given up. */
  after?: Delivery | undefined;
}

/** An event and what became of it. */
export interface Delivery {
  readonly event: PlatformEvent;
  /** How often it was pushed. */
  pushes: number;
  /** The answer of each push that was answered in time. */
  answers: Answer[];
  /** What the answer with 200 took, by the computer's own time. */
  acknowledgedInMs?: number;
  state: 'pushed' | 'waiting' | 'acknowledged' | 'given up';
  /** When the answer with 200 came, by `performance.now()`. */
  acknowledgedAt?: number;
  /** Resolves when the push under way is over, be it answered or not. */
  settled: Promise<void>;
  /** Resolves when it is acknowledged or given up. */
  readonly ended: Promise<void>;
}

/** Pushes events as the platform does: again on the retry ladder until one push is answered with 200 in time. */
export class Deliveries {
  readonly all: Delivery[] = [];
  /** Pushes that are neither answered nor given up. */
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
    const delivery: Delivery = { event, pushes: 0, answers: [], state: 'waiting', settled: Promise.resolve(), ended };
    this.all.push(delivery);
    const waits = isCallback ? [] : RETRY_AFTER_MS;
    const attempt = () => {
      delivery.state = 'pushed';
      this.inFlight++;
      const waitMs = waits[delivery.pushes++];
      const pushedAt = performance.now();
      delivery.settled = this.#answer(event, transport).then((answer) => {
        this.inFlight--;
        if (answer !== undefined) delivery.answers.push(answer);
        if (answer?.code === 200) {
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

  /** Pushes what is acknowledged already, whatever the answer is. */
  #repeat(delivery: Delivery, transport: Transport): void {
    this.inFlight++;
    delivery.pushes++;
    delivery.settled = this.#answer(delivery.event, transport).then((answer) => {
      this.inFlight--;
      if (answer !== undefined) delivery.answers.push(answer);
    });
  }

  #answer(event: PlatformEvent, transport: Transport): Promise<Answer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const cancel = this.#clock.schedule(ANSWER_WITHIN_MS, () => resolve(undefined));
    transport(event).then(resolve, () => resolve(undefined));
    return promise.finally(cancel);
  }
}
