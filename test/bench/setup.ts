import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { PROJECT_ROOT } from '../support/project.ts';
import { type Comparison, type Report, reportComparisons } from './report.ts';

const run = promisify(execFile);
/** What the demo prints once a handler has done its work. */
const FIRST_HANDLED = /^✓ .*answered with an echo/;

/** From a fresh clone to the first event that a handler has handled, and to the deployment's package. Once. */
export async function benchSetup(): Promise<Report> {
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
  const cwd = path.join(folder, 'clone');
  try {
    await run('git', ['clone', '--quiet', PROJECT_ROOT, cwd]);
    const install = await seconds(() => run('npm', ['ci', '--no-audit', '--no-fund'], { cwd }));
    const demo = await seconds(() => firstHandled(cwd));
    const packaging = await seconds(() => run('npx', ['serverless', 'package'], { cwd }));
    const row = (measure: string, ours: number): Comparison => ({ measure, unit: 's', ours });
    return reportComparisons(
      [
        row('npm ci && npm run demo: from the clone to the first handled event', install + demo),
        row('npx serverless package', packaging),
      ],
      [
        `Setup: once, of a fresh clone; npm ci, which took ${install.toFixed(0)} s, takes what npm has in its cache from there.`,
      ],
      { install, demo, packaging },
    );
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

async function firstHandled(cwd: string): Promise<void> {
  const demo = spawn('npm', ['run', '--silent', 'demo'], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  for await (const line of createInterface({ input: demo.stdout })) {
    if (FIRST_HANDLED.test(line)) return end(demo);
  }
  throw new Error('The demo has ended without a handled event');
}

/** Ends it with the program that npm runs. */
async function end(demo: ChildProcess): Promise<void> {
  const exit = once(demo, 'exit');
  process.kill(-(demo.pid as number));
  await exit;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
