import type { Report } from '../report.ts';
import { costOfMillion } from './cost.ts';
import { batchMilliseconds, type Scenario } from './model.ts';
import { type Result, simulate } from './simulate.ts';
import { TIMINGS } from './timings.ts';

const SEED = 20_260_101;

/** Returns the maximum events a second of the worker, by its concurrency and the handler's duration. */
export function capacityTable(): Pick<Report, 'columns' | 'rows'> {
  const concurrencies = [10, 100, 1000];
  const rows = [100, 1000].flatMap((handler) =>
    ([1, 10] as const).map((batchSize) => {
      const milliseconds = batchMilliseconds({ ...TIMINGS, handler }, batchSize);
      const cells = concurrencies.map((concurrency) =>
        count(Math.floor((concurrency * batchSize * 1000) / milliseconds)),
      );
      return { name: `${batchSize === 1 ? 'in order' : 'batches of ten'}, handler ${handler} ms`, cells };
    }),
  );
  return { columns: concurrencies.map((concurrency) => `\`workerConcurrency=${concurrency}\``), rows };
}

const COLUMNS = [
  'events',
  'time to acknowledge, p50',
  'p99',
  'retries by the platform',
  'lost',
  'longest wait in the queue',
  'all handled after',
  'cost per million',
];

/** Runs scenarios and returns a table with one row for each. */
export function tableOf(scenarios: readonly { name: string; scenario: Scenario }[]): Report {
  const runs = scenarios.map(({ name, scenario }) => ({ name, scenario, result: simulate(scenario, { seed: SEED }) }));
  return {
    columns: COLUMNS,
    rows: runs.map(({ name, scenario, result }) => ({ name, cells: cellsOf(scenario, result) })),
    notes: ['Simulated, not measured on AWS. docs/scaling.md lists the assumptions and their sources.'],
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
