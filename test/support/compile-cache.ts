import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

// A global setup: many tests start processes that load the same modules, so Node.js keeps them compiled during a run.

export default async function setup(): Promise<() => Promise<void>> {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return async () => {};
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-compiled-'));
  process.env.NODE_COMPILE_CACHE = folder;
  // A process that has just ended may still write to it.
  return () => rm(folder, { recursive: true, force: true, maxRetries: 20 });
}
