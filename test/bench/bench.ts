import { mkdir, writeFile } from 'node:fs/promises';
import { arch, availableParallelism } from 'node:os';
import path from 'node:path';
import { readCommandLine } from '../../lib/tools/command-line.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { benchAcknowledge } from './acknowledge.ts';
import { benchColdStart } from './cold-start.ts';
import { benchLongConnection } from './long-connection.ts';
import type { Report, Suite } from './report.ts';
import { simulateScale } from './simulate.ts';
import { benchVerify } from './verify.ts';
import { benchWorker } from './worker.ts';

/** A suite a file; what it measures and how is said there. */
const suites: Record<string, Suite> = {
  'cold-start': benchColdStart,
  verify: benchVerify,
  acknowledge: benchAcknowledge,
  worker: benchWorker,
  'long-connection': benchLongConnection,
};

const USAGE = `Usage: npm run bench [-- <suite> …] [-- --quick]
       npm run bench -- --simulate

Runs benchmarks and prints what they measured; the figures go to .bench/<suite>.json as well.

  <suite>   ${Object.keys(suites).join(', ')}; all of them unless told
  --quick   fewer events and starts: to see that it works
  --simulate
            instead, simulates what becomes of 10, 1,000 and 50,000 events a second; takes about half a minute
  --help    this text

Exits with 0 when all was measured, with 1 when not.`;

const { values, positionals } = readCommandLine(USAGE, {
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, simulate: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`There is no suite "${unknown.join('", "')}". There are: ${Object.keys(suites).join(', ')}.`);
  process.exit(1);
}
const folder = path.join(PROJECT_ROOT, '.bench');
await mkdir(folder, { recursive: true });
for (const [name, run] of Object.entries(values.simulate ? { simulation: simulateScale } : suites)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const report = await run({ isQuick: values.quick });
  print(name, report);
  const machine = { node: process.version, arch: arch(), cores: availableParallelism() };
  const json = { suite: name, isQuick: values.quick, at: new Date().toISOString(), machine, ...report };
  await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
}

function print(name: string, { columns, rows, notes }: Report): void {
  console.log(`## ${name}${values.quick ? ', quick' : ''}\n`);
  console.log(`| | ${columns.join(' | ')} |\n|---|${'---|'.repeat(columns.length)}`);
  for (const { name, cells } of rows) console.log(`| ${name} | ${cells.join(' | ')} |`);
  console.log(`\n${notes.join('\n')}\n`);
}
