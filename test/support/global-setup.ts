import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Saves processor time in the programs that the tests start.

export default async function setup(): Promise<() => Promise<void>> {
  // esbuild spends a quarter of its time in garbage collection by default.
  process.env.GOGC ??= '400';
  if (process.env.NODE_COMPILE_CACHE !== undefined) return async () => {};
  // Many tests start processes that load the same modules.
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-compiled-'));
  process.env.NODE_COMPILE_CACHE = folder;
  // A process that is exiting may still write to the folder.
  return () => rm(folder, { recursive: true, force: true, maxRetries: 20 });
}
