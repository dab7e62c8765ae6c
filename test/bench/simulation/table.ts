import type { Report } from '../report.ts';
import { costOfMillion } from './cost.ts';
import type { Scenario } from './model.ts';
import { type Result, simulate } from './simulate.ts';

const SEED = 20_260_101;

const COLUMNS = [
  'events',
  'acknowledged in, p50',
  'p99',
  'sent again by the platform',
  'lost',
  'oldest in the queue',
  'all handled after',
  'per million',
];

/** Runs scenarios and writes what came out of each as a row. */
export function tableOf(scenarios: readonly { name: string; scenario: Scenario }[]): Report {
  const runs = scenarios.map(({ name, scenario }) => ({ name, scenario, result: simulate(scenario, { seed: SEED }) }));
  return {
    columns: COLUMNS,
    rows: runs.map(({ name, scenario, result }) => ({ name, cells: cellsOf(scenario, result) })),
    notes: ['Simulated, not measured on AWS. docs/SCALE.md says with which figures and where they come from.'],
    samples: runs.map(({ name, result }) => ({ name, ...summaryOf(result) })),
  };
}

function cellsOf(scenario: Scenario, result: Result): string[] {
  const { acknowledgement, events, retries, lost, worker } = result;
  return [
    count(events),
    `${acknowledgement.percentile(0.5).toFixed(0)} ms`,
    `${acknowledgement.percentile(0.99).toFixed(0)} ms`,
    count(retries),
    count(lost),
    duration(worker.age.maximum),
    duration(worker.handledAt),
    `$${costOfMillion(result, scenario.settings).toFixed(2)}`,
  ];
}

function summaryOf(result: Result) {
  const { throttledByGateway, throttledByLambda, throttledByQueue, webhookColdStarts, worker } = result;
  const { peakConcurrency, batches, coldStarts } = worker;
  const workerFigures = { peakConcurrency, batches, coldStarts };
  return { throttledByGateway, throttledByLambda, throttledByQueue, webhookColdStarts, worker: workerFigures };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
