import { mkdir, writeFile } from 'node:fs/promises';
import { arch, availableParallelism } from 'node:os';
import path from 'node:path';
import { stop as stopEsbuild } from 'esbuild';
import { readCommandLine } from '../../lib/cli/command-line.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { benchAcknowledge } from './acknowledge.ts';
import { benchBurst } from './burst.ts';
import { benchCallLimits } from './call-limits.ts';
import { drawChart } from './chart.ts';
import { benchColdStart } from './cold-start.ts';
import { benchLongConnection } from './long-connection.ts';
import { benchReply } from './reply.ts';
import { joinReports, type Report, type Suite } from './report.ts';
import { benchSetup } from './setup.ts';
import { simulateScale } from './simulate.ts';
import { benchVerify } from './verify.ts';
import { benchWarmCost } from './warm-cost.ts';
import { benchWorker } from './worker.ts';

/** Each suite's file describes what it measures and how. */
const suites: Record<string, Suite> = {
  'cold-start': benchColdStart,
  verify: benchVerify,
  acknowledge: benchAcknowledge,
  worker: benchWorker,
  setup: benchSetup,
  'long-connection': benchLongConnection,
  'call-limits': benchCallLimits,
  reply: benchReply,
  burst: benchBurst,
  'warm-cost': benchWarmCost,
};
/** Take minutes. */
const ONLY_WHEN_NAMED = ['long-connection', 'call-limits', 'reply', 'burst', 'warm-cost'];
/** Installs the project's dependencies, which cannot be shortened. */
const NOT_QUICK = ['setup'];
const CHART = path.join(PROJECT_ROOT, 'docs/bench.svg');

const USAGE = `Usage: npm run bench [-- <suite> …] [-- --quick]
       npm run bench -- --simulate

Compares this project with the alternatives, prints a Markdown table and writes the figures to .bench/<suite>.json. A
full run also draws docs/bench.svg. The first run installs the alternatives, and AWS's runtime client, which needs a C++
compiler and CMake.

  <suite>     ${Object.keys(suites).join(', ')};
              default: all except ${ONLY_WHEN_NAMED.join(', ')}
  --quick     takes few samples and skips ${NOT_QUICK.join(', ')}, to check that the benchmark works
  --simulate  simulates 10, 1,000 and 50,000 events a second instead; takes about half a minute
  --help      prints this help

Exits with 0 if everything was measured, otherwise with 1.`;

const { values, positionals } = readCommandLine(USAGE, {
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, simulate: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`Unknown suite "${unknown.join('", "')}". Available suites: ${Object.keys(suites).join(', ')}.`);
  process.exit(1);
}
// If a suite fails during a build, esbuild's process would report a deadlock with the stacks of all its goroutines.
process.once('exit', () => void stopEsbuild());
const folder = path.join(PROJECT_ROOT, '.bench');
await mkdir(folder, { recursive: true });
const reports: Report[] = [];
for (const [name, run] of Object.entries(values.simulate ? { simulation: simulateScale } : suites)) {
  if (!values.simulate && !isSelected(name)) continue;
  console.error(`Measuring ${name} …`);
  const report = await run({ isQuick: values.quick });
  const machine = { node: process.version, arch: arch(), cores: availableParallelism() };
  const json = { suite: name, isQuick: values.quick, at: new Date().toISOString(), machine, ...report };
  await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
  if (report.comparisons === undefined) print(report);
  else reports.push(report);
}
if (reports.length > 0) print(joinReports(reports));
if (positionals.length === 0 && !values.quick && !values.simulate) {
  await writeFile(CHART, drawChart(reports.flatMap(({ comparisons = [] }) => comparisons)));
}

function isSelected(name: string): boolean {
  if (positionals.length > 0) return positionals.includes(name);
  return !ONLY_WHEN_NAMED.includes(name) && !(values.quick && NOT_QUICK.includes(name));
}

function print({ columns, rows, notes }: Report): void {
  console.log(`| | ${columns.join(' | ')} |\n|---|${'---|'.repeat(columns.length)}`);
  for (const { name, cells } of rows) console.log(`| ${name} | ${cells.join(' | ')} |`);
  if (values.quick) console.log('\nMeasured with --quick, from few samples.');
  console.log(`\n${notes.join('\n\n')}\n`);
}
