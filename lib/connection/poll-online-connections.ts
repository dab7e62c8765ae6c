import type { Log } from '../feishu/log.ts';

const INTERVAL_MILLISECONDS = 5 * 60_000;

/**
 * Counts the app's connections every five minutes. A failure has no consequence, and only the first is logged.
 *
 * @param count asks the platform
 * @param report receives the number
 */
export function pollOnlineConnections(
  count: () => Promise<number>,
  report: (connections: number) => void,
  log: Log,
): Disposable {
  let hasFailed = false;
  const poll = async () => {
    try {
      report(await count());
    } catch (error) {
      if (!hasFailed) {
        log.warn("The app's connections cannot be counted; the metric PlatformConnections is missing", {
          reason: error instanceof Error ? error.message : typeof error,
        });
      }
      hasFailed = true;
    }
  };
  const timer = setInterval(poll, INTERVAL_MILLISECONDS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
