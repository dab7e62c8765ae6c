import { expect, vi } from 'vitest';
import { type Running, start } from './run.ts';
import { wait } from './wait.ts';

const READY = /feishu-events is ready.* POST (\S+).* GET (\S+)/s;

export interface RunningStart {
  running: Running;
  webhookUrl: string;
  eventsUrl: string;
}

/** Runs `npm start` on a free port, and waits until it is ready. */
export async function npmStart(
  root: string,
  environment: NodeJS.ProcessEnv = {},
  args: string[] = [],
): Promise<RunningStart> {
  const running = start(root, 'lib/local/start.ts', args, { PORT: '0', ...environment });
  await vi.waitFor(() => expect(running.output()).toMatch(READY), wait);
  const [, webhookUrl = '', eventsUrl = ''] = READY.exec(running.output()) ?? [];
  return { running, webhookUrl, eventsUrl };
}
