import { arrivalsOf } from './arrivals.ts';
import { Distribution } from './distribution.ts';
import { EventQueue } from './event-queue.ts';
import { LambdaAccount, LambdaFunction } from './lambda.ts';
import type { Scenario } from './model.ts';
import { createRandom } from './random.ts';
import { type Attempt, RetryLadder } from './retry-ladder.ts';
import { TokenBucket } from './token-bucket.ts';
import { Worker } from './worker.ts';

export interface Result {
  /** Number of events, each counted once. */
  events: number;
  /** Milliseconds from request to response, for acknowledged events. */
  acknowledgement: Distribution;
  /** Number of retries by the platform. */
  retries: number;
  /** Number of events whose last attempt failed. */
  lost: number;
  throttledByGateway: number;
  throttledByLambda: number;
  throttledByQueue: number;
  webhookBilledSeconds: number;
  webhookColdStarts: number;
  worker: Pick<
    Worker,
    'age' | 'handled' | 'handledAt' | 'batches' | 'billedSeconds' | 'peakConcurrency' | 'coldStarts' | 'waitingSeconds'
  >;
}

export interface SimulationOptions {
  seed: number;
  /** Replaces the scenario's traffic: arrival times in seconds, in ascending order. */
  arrivals?: Iterable<number>;
  /** Called for each request. */
  onAttempt?: (now: number, retries: number) => void;
}

/** Runs a scenario until every event is either lost or acknowledged and handled. */
export function simulate(scenario: Scenario, { seed, arrivals, onAttempt }: SimulationOptions): Result {
  const { quotas, settings, timings } = scenario;
  const random = createRandom(seed);
  const events = new EventQueue<(now: number) => void>();
  const account = new LambdaAccount(quotas.lambda);
  const webhook = new LambdaFunction(account, timings.environmentIdleSeconds);
  const worker = new Worker(scenario, events, account);
  const gateway = new TokenBucket(quotas.gateway.burst, quotas.gateway.requestsPerSecond);
  const sends =
    settings.ordering === 'conversation'
      ? new TokenBucket(quotas.fifoSendsPerSecond, quotas.fifoSendsPerSecond)
      : undefined;
  const ladder = new RetryLadder();
  const acknowledgement = new Distribution();
  const counts = { events: 0, retries: 0, throttledByGateway: 0, throttledByLambda: 0, throttledByQueue: 0 };
  let webhookBilledSeconds = 0;

  const request = (now: number, attempt: Attempt) => {
    onAttempt?.(now, attempt.retries);
    if (!gateway.has(now)) {
      counts.throttledByGateway += 1;
      return ladder.failed(now, attempt);
    }
    gateway.take();
    const start = webhook.begin(now);
    if (start === 'throttled') {
      counts.throttledByLambda += 1;
      return ladder.failed(now, attempt);
    }
    const isQueued = sends === undefined || sends.has(now);
    if (isQueued) sends?.take();
    else counts.throttledByQueue += 1;
    const { minimum, meanExtra } = timings.queueSend;
    const working = (start === 'cold' ? timings.webhookColdStart : 0) + timings.webhook;
    const billed = working + minimum + random.exponential(meanExtra);
    webhookBilledSeconds += billed / 1000;
    events.add(now + (billed + timings.gateway) / 1000, (end) => {
      webhook.end(end);
      if (!isQueued) return ladder.failed(end, attempt);
      acknowledgement.add(billed + timings.gateway);
      worker.enqueue(end, attempt.conversation);
    });
  };

  const source = (arrivals ?? arrivalsOf(scenario.traffic, random))[Symbol.iterator]();
  let arrival = source.next();
  while (true) {
    const arrivalTime = arrival.done ? Number.POSITIVE_INFINITY : arrival.value;
    const retryTime = ladder.time;
    const now = Math.min(events.time, arrivalTime, retryTime);
    if (now === Number.POSITIVE_INFINITY) break;
    if (now === events.time) events.next()(now);
    else if (now === retryTime) {
      counts.retries += 1;
      request(now, ladder.next());
    } else {
      counts.events += 1;
      request(now, { retries: 0, conversation: Math.floor(random.uniform() * scenario.conversations) });
      arrival = source.next();
    }
  }
  const webhookColdStarts = webhook.coldStarts;
  return { ...counts, acknowledgement, lost: ladder.lost, webhookBilledSeconds, webhookColdStarts, worker };
}
