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
/** The line that the demo prints when a handler has finished. */
const FIRST_HANDLED = /^✓ A v2\.0 message is /;

/** Measures once how long it takes from a new clone to the first handled event, and to the deployment package. */
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
        row('`npm ci && npm run demo`: from the clone to the first handled event', install + demo),
        row('`npx serverless package`', packaging),
      ],
      [`Setup: measured once, in a new clone. \`npm ci\` took ${install.toFixed(0)} s and used npm's cache.`],
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
  throw new Error('The demo ended before an event was handled');
}

/** Ends the process group: npm and the demo. */
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
