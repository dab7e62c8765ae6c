import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Global setup: many tests start processes that load the same modules, so a run shares one compile cache.

export default async function setup(): Promise<() => Promise<void>> {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return async () => {};
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-compiled-'));
  process.env.NODE_COMPILE_CACHE = folder;
  // A process that is exiting may still write to the folder.
  return () => rm(folder, { recursive: true, force: true, maxRetries: 20 });
}
