import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { vi } from 'vitest';
import { createProject } from '../../support/project.ts';
import { start } from '../../support/run.ts';
import { wait } from '../../support/wait.ts';

export interface RunningStack extends AsyncDisposable {
  /** The project's folder. */
  root: string;
  /** `http://127.0.0.1:PORT/` */
  pageUrl: string;
  writeHandler(name: string, source: string): Promise<void>;
  /** Sends SIGINT, like Ctrl+C. */
  stop(): void;
  /** Returns the output of `npm start` so far. */
  output(): string;
}

/**
 * Runs `npm start` in a copy of this project.
 *
 * @param files other files of the project, by their path
 */
export async function startStack(
  handlers: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<RunningStack> {
  await using parts = new AsyncDisposableStack();
  const project = parts.use(await createProject());
  for (const [name, source] of Object.entries(handlers)) await project.writeHandler(name, source);
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(project.root, name), content);
  const running = parts.use(start(project.root, 'lib/local/start.ts', [], { PORT: '0' }));
  await vi.waitFor(() => {
    if (!running.output().includes('is ready')) throw new Error(running.output());
  }, wait);
  const [origin = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(running.output()) ?? [];
  const resources = parts.move();
  return {
    root: project.root,
    pageUrl: `${origin}/`,
    writeHandler: project.writeHandler,
    stop: () => running.process.kill('SIGINT'),
    output: () => running.output(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
