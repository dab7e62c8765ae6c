import type { Traffic } from './arrivals.ts';
import type { Scenario, Settings } from './model.ts';
import { DEFAULT_QUOTAS, RAISED_QUOTAS } from './quotas.ts';
import { TIMINGS } from './timings.ts';

/** A minute with two bursts, at its start and in its middle, with three times the rate between them. */
function minuteOf(eventsPerSecond: number): Traffic {
  return { eventsPerSecond, seconds: 60, burstFactor: 3, burstSeconds: 5, periodSeconds: 30 };
}

/** The batch sizes of serverless.yml: ten, or one in order. */
function settings(ordering: Settings['ordering'], maximumConcurrency = 10): Settings {
  return { ordering, batchSize: ordering === 'none' ? 10 : 1, maximumConcurrency };
}

/** Busy conversations, with one event every five seconds each. */
function scenario(eventsPerSecond: number, chosen: Settings, quotas = DEFAULT_QUOTAS): Scenario {
  const conversations = 5 * eventsPerSecond;
  return { traffic: minuteOf(eventsPerSecond), conversations, quotas, settings: chosen, timings: TIMINGS };
}

export const SCENARIOS: { name: string; scenario: Scenario }[] = [
  { name: '10/s', scenario: scenario(10, settings('none')) },
  { name: '10/s, in order', scenario: scenario(10, settings('conversation')) },
  { name: '1,000/s', scenario: scenario(1000, settings('none')) },
  { name: '1,000/s, in order', scenario: scenario(1000, settings('conversation')) },
  { name: '1,000/s, `workerConcurrency=50`', scenario: scenario(1000, settings('none', 50)) },
  { name: '1,000/s, in order, `workerConcurrency=400`', scenario: scenario(1000, settings('conversation', 400)) },
  { name: '50,000/s', scenario: scenario(50_000, settings('none')) },
  {
    name: '50,000/s, quotas raised, `workerConcurrency=1000`',
    scenario: scenario(50_000, settings('none', 1000), RAISED_QUOTAS),
  },
  {
    name: '50,000/s, in order, quotas raised, `workerConcurrency=1000`',
    scenario: scenario(50_000, settings('conversation', 1000), RAISED_QUOTAS),
  },
];
