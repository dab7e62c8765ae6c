import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, statSync } from 'node:fs';
import path from 'node:path';
import { readCommandLine } from '../../lib/cli/command-line.ts';
import { AREAS, type Area, WITHOUT_BEHAVIOR } from './areas.ts';

const USAGE = `Usage: npm run test:mutation [-- [--changed] [--minutes N] [module …]]

Makes many small changes to modules with Stryker and lists the changes that no test detects. Default: all modules in
test/mutation/areas.ts.

  --changed    checks only modules that differ from MUTATION_BASE; default: the merge base with origin's default branch,
               or on that branch, the tenth commit before the last
  --minutes N  stops after N minutes and lists the modules that were not checked; default: no limit

Exits with 0 if the tests detect at least 90 % of the changes, otherwise with 1.`;

const COMMITS_BEFORE = 10;
const ROOT = path.resolve(import.meta.dirname, '../..');
const STRYKER = path.join(import.meta.dirname, 'node_modules/@stryker-mutator/core/bin/stryker.js');

const { values, positionals } = readCommandLine(USAGE, {
  options: { changed: { type: 'boolean', default: false }, minutes: { type: 'string', default: 'Infinity' } },
  allowPositionals: true,
});
const endsAt = Date.now() + Number(values.minutes) * 60_000;
if (Number.isNaN(endsAt)) throw new TypeError(`--minutes must be a number, not "${values.minutes}".`);

const runs = values.changed ? chooseChanged() : chooseFrom(positionals);
if (runs.length === 0) console.log('No modules to check.');
else install();
let failures = 0;
const unchecked: string[] = [];
for (const run of runs) {
  const result = await check(run);
  if (result === 'out of time') unchecked.push(...run.modules);
  if (result === 'failed') failures += 1;
}
if (unchecked.length > 0) {
  console.log(`Not checked within ${values.minutes} minutes: npm run test:mutation -- ${unchecked.join(' ')}`);
}
process.exitCode = failures > 0 ? 1 : 0;

/** Returns one run for each area. */
function chooseFrom(chosen: readonly string[]): Area[] {
  const isChosen = (module: string) => chosen.length === 0 || chosen.includes(module);
  return AREAS.map(({ modules, tests }) => ({ modules: modulesOf(modules).filter(isChosen), tests })).filter(
    ({ modules }) => modules.length > 0,
  );
}

/** Returns one run for each module, smallest first, so that a time limit allows as many as possible. */
function chooseChanged(): Area[] {
  const base = findBase();
  const changed = git('diff', '--name-only', '--diff-filter=d', base).split('\n');
  const size = (module: string) => statSync(path.join(ROOT, module)).size;
  return AREAS.flatMap(({ modules, tests }) =>
    modulesOf(modules)
      .filter((module) => changed.includes(module))
      .map((module) => ({ module, tests })),
  )
    .toSorted((one, other) => size(one.module) - size(other.module))
    .map(({ module, tests }) => ({ modules: [module], tests }));
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

async function check({ modules, tests }: Area): Promise<'passed' | 'failed' | 'out of time'> {
  if (Date.now() >= endsAt) return 'out of time';
  console.log(`\n${modules.join(' ')}`);
  const args = [STRYKER, 'run', 'test/mutation/stryker.config.json', '--mutate', modules.join(',')];
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
