import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, statSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine } from '../../lib/cli/command-line.ts';
import { AREAS, WITHOUT_BEHAVIOR } from './areas.ts';

interface Run {
  module: string;
  tests: string[];
}

const USAGE = `Usage: npm run test:mutation [-- [--changed] [--minutes N] [module …]]

Makes many small changes to modules with Stryker and lists the changes that no test detects. Default: all modules in
test/mutation/areas.ts.

  --changed    checks only modules that differ from MUTATION_BASE; default: the merge base with origin's default branch,
               or on that branch, the tenth commit before the last
  --minutes N  stops after N minutes and lists the modules that were not checked; default: no limit

Exits with 0 if the tests detect at least 90 % of the changes to each module, otherwise with 1.`;

const COMMITS_BEFORE = 10;
const ROOT = path.resolve(import.meta.dirname, '../..');
const STRYKER = path.join(import.meta.dirname, 'node_modules/@stryker-mutator/core/bin/stryker.js');

const { values, positionals } = readCommandLine(USAGE, {
  options: { changed: { type: 'boolean', default: false }, minutes: { type: 'string', default: 'Infinity' } },
  allowPositionals: true,
});
const endsAt = Date.now() + Number(values.minutes) * 60_000;
if (Number.isNaN(endsAt)) throw new TypeError(`--minutes must be a number, not "${values.minutes}".`);

const runs = chooseRuns(values.changed ? readChanged() : positionals.length > 0 ? positionals : undefined);
if (runs.length === 0) console.log('No modules to check.');
else install();
let failures = 0;
const unchecked: string[] = [];
for (const run of runs) {
  const result = await check(run);
  if (result === 'out of time') unchecked.push(run.module);
  if (result === 'failed') failures += 1;
}
if (unchecked.length > 0) {
  console.log(`Not checked within ${values.minutes} minutes: npm run test:mutation -- ${unchecked.join(' ')}`);
}
process.exitCode = failures > 0 ? 1 : 0;

/**
 * Returns one run for each module, so that each must reach the score. The smallest come first, so that a time limit
 * allows as many as possible.
 *
 * @param chosen default: all modules
 */
function chooseRuns(chosen?: readonly string[]): Run[] {
  const size = (module: string) => statSync(path.join(ROOT, module)).size;
  return AREAS.flatMap(({ modules, tests }) => modulesOf(modules).map((module) => ({ module, tests })))
    .filter(({ module }) => chosen === undefined || chosen.includes(module))
    .toSorted((one, other) => size(one.module) - size(other.module));
}

function readChanged(): string[] {
  return git('diff', '--name-only', '--diff-filter=d', findBase()).split('\n');
}

function modulesOf(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: ROOT }).filter((module) => !WITHOUT_BEHAVIOR.includes(module));
}

function findBase(): string {
  if (process.env.MUTATION_BASE) return process.env.MUTATION_BASE;
  const { stdout, status } = spawnSync('git', ['merge-base', 'HEAD', 'origin/HEAD'], { cwd: ROOT, encoding: 'utf8' });
  const head = git('rev-parse', 'HEAD');
  if (status === 0 && stdout.trim() !== head) return stdout.trim();
  // A shallow clone may have fewer commits.
  const commits = git('rev-list', '--first-parent', `--max-count=${COMMITS_BEFORE + 1}`, 'HEAD').split('\n');
  if (commits.length === 1) console.log('This clone has only one commit: checking only uncommitted changes.');
  return commits.at(-1) as string;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

function install(): void {
  if (existsSync(STRYKER)) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: import.meta.dirname, stdio: 'inherit' });
}

async function check({ module, tests }: Run): Promise<'passed' | 'failed' | 'out of time'> {
  if (Date.now() >= endsAt) return 'out of time';
  console.log(`\n${module}`);
  const args = [STRYKER, 'run', 'test/mutation/stryker.config.json', '--mutate', module];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, MUTATION_TESTS: globSync(tests, { cwd: ROOT }).join(',') },
    stdio: ['ignore', 'inherit', 'inherit'],
    // A separate process group, so that the test runners can be ended with it.
    detached: true,
  });
  let isOutOfTime = false;
  const end = () => process.kill(-(child.pid as number), 'SIGKILL');
  const timer = Number.isFinite(endsAt)
    ? setTimeout(() => {
        isOutOfTime = true;
        end();
      }, endsAt - Date.now())
    : undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      end();
      process.exit(1);
    });
  }
  const [code] = await once(child, 'exit');
  clearTimeout(timer);
  if (isOutOfTime) return 'out of time';
  return code === 0 ? 'passed' : 'failed';
}
