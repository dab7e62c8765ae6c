import { describe, expect, test } from 'vitest';
import { volume } from '../support/volume.ts';
import { arrivalsOf } from './simulation/arrivals.ts';
import { costOfMillion } from './simulation/cost.ts';
import { Distribution } from './simulation/distribution.ts';
import { DynamoTable } from './simulation/dynamo-table.ts';
import { EventQueue } from './simulation/event-queue.ts';
import { FifoQueue } from './simulation/message-queue.ts';
import type { Quotas, Scenario, Settings, Timings } from './simulation/model.ts';
import { DEFAULT_QUOTAS } from './simulation/quotas.ts';
import { createRandom } from './simulation/random.ts';
import { SCENARIOS } from './simulation/scenarios.ts';
import { type SimulationOptions, simulate } from './simulation/simulate.ts';

const UNLIMITED = 1e9;
const NO_LIMITS: Quotas = {
  gateway: { requestsPerSecond: UNLIMITED, burst: UNLIMITED },
  lambda: {
    concurrency: UNLIMITED,
    requestsPerSecondOfConcurrency: 1,
    environmentsPerPeriod: UNLIMITED,
    periodSeconds: 10,
  },
  dynamo: { initialWritesPerSecond: UNLIMITED, maximumWritesPerSecond: UNLIMITED },
  fifoSendsPerSecond: UNLIMITED,
  mapping: { initialConcurrency: UNLIMITED, concurrencyPerMinute: 300, maximumConcurrency: UNLIMITED },
};
const NO_TIME: Timings = {
  gateway: 0,
  webhook: 0,
  webhookColdStart: 0,
  workerColdStart: 0,
  queueSend: { minimum: 0, meanExtra: 0 },
  workerBatch: 0,
  workerEvent: 0,
  tableWrite: 0,
  handler: 0,
  environmentIdleSeconds: 300,
};

interface Changes {
  quotas?: Partial<Quotas>;
  settings?: Partial<Settings>;
  timings?: Partial<Timings>;
  traffic?: Partial<Scenario['traffic']>;
  conversations?: number;
}

function scenarioWith({ quotas, settings, timings, traffic, conversations = 1 }: Changes): Scenario {
  return {
    traffic: { eventsPerSecond: 1, seconds: 1, burstFactor: 1, burstSeconds: 1, periodSeconds: 10, ...traffic },
    conversations,
    quotas: { ...NO_LIMITS, ...quotas },
    settings: { ordering: 'none', batchSize: 1, maximumConcurrency: UNLIMITED, ...settings },
    timings: { ...NO_TIME, ...timings },
  };
}

const run = (changes: Changes, options: Partial<SimulationOptions> = {}) =>
  simulate(scenarioWith(changes), { seed: 1, ...options });
const atOnce = (count: number, time = 0) => Array.from({ length: count }, () => time);

describe('The platform', () => {
  test('retries an unacknowledged event after 15 s, 5 min, 1 h and 6 h, and then gives up', () => {
    const attempts: number[] = [];
    const gateway = { requestsPerSecond: 0, burst: 0 };
    const onAttempt = (now: number) => attempts.push(now);
    const { retries, lost } = run({ quotas: { gateway } }, { arrivals: [0], onAttempt });
    expect(attempts).toEqual([0, 15, 315, 3915, 25_515]);
    expect({ retries, lost }).toEqual({ retries: 4, lost: 1 });
  });

  test('sends the configured number of events, at three times the rate in a burst', () => {
    const traffic = { eventsPerSecond: 100, seconds: 3000, burstFactor: 3, burstSeconds: 5, periodSeconds: 30 };
    const times = [...arrivalsOf(traffic, createRandom(1))];
    const inBursts = times.filter((time) => time % 30 < 5);
    // Within four standard deviations of a Poisson process.
    expect(Math.abs(times.length - 300_000)).toBeLessThan(4 * Math.sqrt(300_000));
    // 5 of 30 seconds at three times the rate: 15 of 40 parts.
    expect(Math.abs(inBursts.length - 112_500)).toBeLessThan(4 * Math.sqrt(112_500));
    expect(times).toEqual(times.toSorted((one, other) => one - other));
  });
});

describe('The HTTP API', () => {
  test('accepts a burst of 5,000 and then 10,000 a second', () => {
    const { gateway } = DEFAULT_QUOTAS;
    expect(run({ quotas: { gateway } }, { arrivals: atOnce(5000) }).throttledByGateway).toBe(0);
    // 1 above the burst, 500 above the 2,500 refilled in 0.25 s, 1 above the burst refilled in 10 s.
    const arrivals = [...atOnce(5001), ...atOnce(3000, 0.25), ...atOnce(5001, 10)];
    expect(run({ quotas: { gateway } }, { arrivals }).throttledByGateway).toBe(1 + 500 + 1);
  });
});

describe('Lambda', () => {
  const lambda = { ...NO_LIMITS.lambda, concurrency: 1000, requestsPerSecondOfConcurrency: 1e6 };

  test('throttles requests above the concurrency, which the platform retries 15 s later', () => {
    const attempts: number[] = [];
    const result = run(
      { quotas: { lambda }, timings: { webhook: 100 } },
      { arrivals: atOnce(1500), onAttempt: (now) => attempts.push(now) },
    );
    expect(result.throttledByLambda).toBe(500);
    expect(attempts.filter((time) => time === 15)).toHaveLength(500);
    expect(result.acknowledgement.count).toBe(1500);
    expect(result.lost).toBe(0);
  });

  test('starts at most ten requests a second per unit of concurrency, however short they are', () => {
    const limited = { ...lambda, concurrency: 100, requestsPerSecondOfConcurrency: 10 };
    // 2,000 requests in 0.1 s, of which 1,000 start at once and 100 more in that time.
    const arrivals = Array.from({ length: 2000 }, (_, index) => index / 20_000);
    const changes = { quotas: { lambda: limited }, settings: { maximumConcurrency: 1 } };
    const { throttledByLambda } = run({ ...changes, timings: { webhook: 0.01, handler: 1e4 } }, { arrivals });
    // The worker's first invocation counts as well.
    expect(Math.abs(throttledByLambda - 901)).toBeLessThanOrEqual(1);
  });

  test('starts 1,000 environments at once, and 100 more a second later', () => {
    const scaling = { ...lambda, concurrency: 1e6, environmentsPerPeriod: 1000 };
    const arrivals = [...atOnce(1000), ...atOnce(300, 1)];
    const { throttledByLambda } = run({ quotas: { lambda: scaling }, timings: { webhook: 60_000 } }, { arrivals });
    expect(throttledByLambda).toBe(200);
  });

  test('reuses an environment until it has been idle for too long', () => {
    const timings = { webhookColdStart: 300, webhook: 10, environmentIdleSeconds: 60 };
    const { acknowledgement, webhookColdStarts } = run({ timings }, { arrivals: [0, 30, 90, 200] });
    // The third request starts 59.99 s after the end of the second, the fourth more than 60 s after the third.
    expect(webhookColdStarts).toBe(2);
    expect(acknowledgement.mean).toBeCloseTo((310 + 10 + 10 + 310) / 4, 9);
  });
});

describe('The worker', () => {
  const oneBatch = { ...NO_LIMITS.mapping, initialConcurrency: 1 };

  test('behaves as an M/D/1 queue when it handles one event at a time', () => {
    // With a load of 0.8, the mean wait is 0.8 × 0.1 s / (2 × 0.2) = 0.2 s.
    const traffic = { eventsPerSecond: 8, seconds: volume({ small: 10_000, full: 50_000 }) };
    const quotas = { mapping: oneBatch };
    const { worker } = run({ traffic, quotas, settings: { maximumConcurrency: 1 }, timings: { handler: 100 } });
    expect(worker.handled).toBeGreaterThan(7.8 * traffic.seconds);
    expect(Math.abs(worker.age.mean - 0.2)).toBeLessThan(volume({ small: 0.02, full: 0.01 }));
  });

  test("obeys Little's law: the mean number of waiting events is the arrival rate times the mean wait", () => {
    const traffic = { eventsPerSecond: 90, seconds: 2000, burstFactor: 3 };
    const settings = { batchSize: 10, maximumConcurrency: 1 };
    const { worker } = run({ traffic, quotas: { mapping: oneBatch }, settings, timings: { handler: 100 } });
    expect(worker.age.mean).toBeGreaterThan(0.1);
    const meanWaiting = worker.waitingSeconds / worker.handledAt;
    const arrivalRate = worker.handled / worker.handledAt;
    expect(meanWaiting / (arrivalRate * worker.age.mean)).toBeCloseTo(1, 9);
  });

  test('handles at most ten batches of ten concurrently', () => {
    const mapping = { ...NO_LIMITS.mapping, initialConcurrency: 10 };
    const settings = { batchSize: 10, maximumConcurrency: 10 };
    const { worker } = run({ quotas: { mapping }, settings, timings: { handler: 100 } }, { arrivals: atOnce(10_001) });
    // The first ten batches have one event each, because nothing is waiting yet; then 100 events every 0.1 s.
    expect(worker.handledAt).toBeCloseTo(10.1, 6);
    expect(worker.peakConcurrency).toBe(10);
  });

  test('starts with five concurrent batches, and adds 300 a minute while messages wait', () => {
    const { mapping } = DEFAULT_QUOTAS;
    const { worker } = run({ quotas: { mapping }, timings: { handler: 60_000 } }, { arrivals: atOnce(100) });
    // The last of the other 95 starts 95 × 0.2 s later.
    expect(worker.age.maximum).toBeCloseTo(19, 9);
    const limited = run(
      { quotas: { mapping }, settings: { maximumConcurrency: 8 }, timings: { handler: 60_000 } },
      { arrivals: atOnce(100) },
    );
    expect(limited.worker.peakConcurrency).toBe(8);
  });

  test('waits for the table, which accepts 4,000 writes a second: 2,000 events', () => {
    const { dynamo } = DEFAULT_QUOTAS;
    const { worker } = run({ quotas: { dynamo } }, { arrivals: atOnce(10_000) });
    expect(worker.handledAt).toBeCloseTo(5, 2);
  });

  test('handles the events of one conversation one after the other', () => {
    const settings = { ordering: 'conversation' } as const;
    const { worker } = run({ settings, timings: { handler: 100 } }, { arrivals: atOnce(10) });
    expect(worker.handledAt).toBeCloseTo(1, 9);
    expect(worker.peakConcurrency).toBe(1);
  });

  test("shares the account's concurrency with the webhook", () => {
    const lambda = { ...NO_LIMITS.lambda, concurrency: 10, requestsPerSecondOfConcurrency: 1e6 };
    const arrivals = [...atOnce(10), ...atOnce(10, 0.05)];
    const { throttledByLambda } = run({ quotas: { lambda }, timings: { webhook: 10, handler: 1000 } }, { arrivals });
    expect(throttledByLambda).toBe(10);
  });
});

describe('A FIFO queue', () => {
  test('delivers one message of a conversation at a time, and meanwhile those of others', () => {
    const queue = new FifoQueue();
    queue.add(1, 7);
    queue.add(2, 7);
    queue.add(3, 8);
    const first = queue.take();
    expect([first.enqueuedAt, queue.take().enqueuedAt, queue.isReady]).toEqual([[1], [3], false]);
    queue.done(first);
    expect(queue.take().enqueuedAt).toEqual([2]);
    expect(queue.length).toBe(0);
  });

  test('throttles sends above its rate, so that the platform retries', () => {
    const settings = { ordering: 'conversation' } as const;
    const { throttledByQueue, retries, acknowledgement } = run(
      { settings, quotas: { fifoSendsPerSecond: 300 } },
      { arrivals: atOnce(400) },
    );
    expect([throttledByQueue, retries, acknowledgement.count]).toEqual([100, 100, 400]);
  });
});

test('A table accepts twice its peak of the last 30 minutes, up to its quota', () => {
  const table = new DynamoTable({ initialWritesPerSecond: 4000, maximumWritesPerSecond: 10_000 });
  const waitOf = (from: number, perSecond: number) => {
    let wait = 0;
    for (let second = from; second < from + 1800; second += 1) wait = table.write(second, perSecond);
    return wait;
  };
  expect(waitOf(0, 4000)).toBe(0);
  expect(waitOf(1800, 8000)).toBe(0);
  expect(waitOf(3600, 10_000)).toBe(0);
  expect(waitOf(5400, 10_001)).toBeGreaterThan(0);
});

test('Events happen in order of time, and at the same time in the order in which they were added', () => {
  const queue = new EventQueue<string>();
  const random = createRandom(1);
  const times = Array.from({ length: 1000 }, () => Math.floor(random.uniform() * 50));
  times.forEach((time, index) => {
    queue.add(time, `${time} ${index}`);
  });
  const happened = times.map(() => queue.next());
  const expected = times.map((time, index) => ({ time, index }));
  expected.sort((one, other) => one.time - other.time || one.index - other.index);
  expect(happened).toEqual(expected.map(({ time, index }) => `${time} ${index}`));
  expect(queue.time).toBe(Number.POSITIVE_INFINITY);
});

test('Percentiles, mean and maximum are those of the values', () => {
  const distribution = new Distribution();
  for (let value = 1; value <= 1000; value += 1) distribution.add(value);
  expect(distribution.percentile(0.5)).toBeCloseTo(500, 0);
  expect(distribution.percentile(0.99)).toBeCloseTo(990, 0);
  expect([distribution.mean, distribution.maximum]).toEqual([500.5, 1000]);
});

test('A million events, handled one by one, cost what docs/cost.md says', () => {
  const timings = { webhook: 20, handler: 100 };
  const oneByOne = { timings, traffic: { eventsPerSecond: 1, seconds: 10_000 }, quotas: {} };
  expect(costOfMillion(run(oneByOne), scenarioWith(oneByOne).settings)).toBeCloseTo(6.15, 2);
  const inOrder: Changes = { ...oneByOne, settings: { ordering: 'conversation' }, conversations: 1e6 };
  expect(costOfMillion(run(inOrder), scenarioWith(inOrder).settings)).toBeCloseTo(6.45, 2);
});

test('The same seed gives the same result, another seed another result', () => {
  const summary = (seed: number) => {
    const { events, acknowledgement, worker } = simulate(SCENARIOS[2]?.scenario as Scenario, { seed });
    return [events, acknowledgement.mean, worker.age.mean, worker.handledAt, worker.batches];
  };
  expect(summary(7)).toEqual(summary(7));
  expect(summary(7)).not.toEqual(summary(8));
});
