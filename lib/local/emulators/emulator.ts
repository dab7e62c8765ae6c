import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

/** Where an emulator keeps its data: in memory, when there is no folder. */
export interface EmulatorData {
  folder?: string;
}

/** What an emulator's thread sends once it listens. */
export interface EmulatorReady<Restored = undefined> {
  /** `http://127.0.0.1:port` */
  endpoint: string;
  restored: Restored;
}

export interface Emulator<Restored> extends EmulatorReady<Restored> {
  /** Waits for work that needs the emulator, and rejects when that fails meanwhile. */
  during<Result>(work: Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/**
 * Runs an emulator in a thread of its own, so that it has a processor while another thread computes.
 *
 * @param program the module that is the thread's program: see {@link serveEmulator}
 * @throws what the program throws before it listens
 */
export async function startEmulator<Restored = undefined>(
  program: URL,
  data: EmulatorData,
): Promise<Emulator<Restored>> {
  const thread = new Worker(program, { workerData: data });
  const ended = new Promise((resolve) => thread.once('exit', resolve));
  const [ready] = (await once(thread, 'message')) as [EmulatorReady<Restored>];
  return {
    ...ready,
    async during(work) {
      const over = new AbortController();
      const failure = once(thread, 'error', { signal: over.signal }).then(([error]) => Promise.reject(error));
      return Promise.race([work, failure]).finally(() => over.abort());
    },
    async stop() {
      thread.postMessage('stop');
      await ended;
    },
  };
}

/**
 * Reports that the emulator of this thread listens, and waits for the end.
 *
 * @param stop after it nothing keeps the thread alive
 */
export function serveEmulator<Restored>(ready: EmulatorReady<Restored>, stop: () => Promise<unknown>): void {
  parentPort?.once('message', async () => {
    await stop();
    process.exit();
  });
  parentPort?.postMessage(ready);
}
