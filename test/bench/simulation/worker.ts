import { Distribution } from './distribution.ts';
import { DynamoTable } from './dynamo-table.ts';
import type { EventQueue } from './event-queue.ts';
import { type LambdaAccount, LambdaFunction } from './lambda.ts';
import { FifoQueue, type MessageQueue, StandardQueue } from './message-queue.ts';
import { batchMilliseconds, type Scenario, WRITES_PER_EVENT } from './model.ts';

/** How long the mapping waits before it retries a throttled invocation. */
const THROTTLED_SECONDS = 0.1;

/** The events queue, its event source mapping and the worker function. */
export class Worker {
  readonly #scenario: Scenario;
  readonly #events: EventQueue<(now: number) => void>;
  readonly #function: LambdaFunction;
  readonly #queue: MessageQueue;
  readonly #table: DynamoTable;
  readonly #initialConcurrency: number;
  readonly #maximumConcurrency: number;
  readonly #scaleSeconds: number;
  #allowed: number;
  #busy = 0;
  #isScaling = false;
  #isThrottled = false;
  #waitingChangedAt = 0;

  /** Seconds that each message waited in the queue. */
  readonly age = new Distribution();
  handled = 0;
  handledAt = 0;
  batches = 0;
  billedSeconds = 0;
  peakConcurrency = 0;
  /** Sum of the seconds that all messages waited. */
  waitingSeconds = 0;

  constructor(scenario: Scenario, events: EventQueue<(now: number) => void>, account: LambdaAccount) {
    const { quotas, settings, timings } = scenario;
    this.#scenario = scenario;
    this.#events = events;
    this.#function = new LambdaFunction(account, timings.environmentIdleSeconds);
    this.#queue = settings.ordering === 'conversation' ? new FifoQueue() : new StandardQueue();
    this.#table = new DynamoTable(quotas.dynamo);
    this.#maximumConcurrency = Math.min(settings.maximumConcurrency, quotas.mapping.maximumConcurrency);
    this.#initialConcurrency = Math.min(quotas.mapping.initialConcurrency, this.#maximumConcurrency);
    this.#allowed = this.#initialConcurrency;
    this.#scaleSeconds = 60 / quotas.mapping.concurrencyPerMinute;
  }

  get coldStarts(): number {
    return this.#function.coldStarts;
  }

  enqueue(now: number, conversation: number): void {
    this.#countWaiting(now);
    this.#queue.add(now, conversation);
    this.#poll(now);
  }

  #poll(now: number): void {
    const { batchSize } = this.#scenario.settings;
    while (this.#queue.isReady && this.#busy < this.#allowed) {
      const start = this.#function.begin(now);
      if (start === 'throttled') {
        this.#pollLater(now);
        return;
      }
      this.#countWaiting(now);
      const batch = this.#queue.take(batchSize);
      for (const enqueuedAt of batch.enqueuedAt) this.age.add(now - enqueuedAt);
      const size = batch.enqueuedAt.length;
      const seconds = this.#batchSeconds(now, size, start === 'cold');
      this.#busy += 1;
      this.peakConcurrency = Math.max(this.peakConcurrency, this.#busy);
      this.batches += 1;
      this.billedSeconds += seconds;
      this.#events.add(now + seconds, (end) => {
        this.#function.end(end);
        this.#queue.done(batch);
        this.#busy -= 1;
        this.handled += size;
        this.handledAt = end;
        this.#poll(end);
      });
    }
    if (this.#queue.isReady) this.#scaleLater(now);
  }

  #batchSeconds(now: number, size: number, isCold: boolean): number {
    const { timings } = this.#scenario;
    const milliseconds = batchMilliseconds(timings, size) + (isCold ? timings.workerColdStart : 0);
    return milliseconds / 1000 + this.#table.write(now, WRITES_PER_EVENT * size);
  }

  #pollLater(now: number): void {
    if (this.#isThrottled) return;
    this.#isThrottled = true;
    this.#events.add(now + THROTTLED_SECONDS, (later) => {
      this.#isThrottled = false;
      this.#poll(later);
    });
  }

  /** Raises the concurrency while messages wait, and lowers it when there are none. */
  #scaleLater(now: number): void {
    if (this.#isScaling) return;
    this.#isScaling = true;
    this.#events.add(now + this.#scaleSeconds, (later) => {
      this.#isScaling = false;
      if (this.#queue.isReady) this.#allowed = Math.min(this.#allowed + 1, this.#maximumConcurrency);
      else if (this.#busy < this.#allowed) this.#allowed = Math.max(this.#allowed - 1, this.#initialConcurrency);
      this.#poll(later);
      if (this.#allowed > this.#initialConcurrency) this.#scaleLater(later);
    });
  }

  #countWaiting(now: number): void {
    this.waitingSeconds += this.#queue.length * (now - this.#waitingChangedAt);
    this.#waitingChangedAt = now;
  }
}
