import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';

/** Where an emulator stores its data: in a folder, or in memory if `folder` is not set. */
export interface EmulatorData {
  folder?: string;
}

/** The message that an emulator's thread sends when it is listening. */
export interface EmulatorReady<Restored = undefined> {
  /** `http://127.0.0.1:port` */
  endpoint: string;
  restored: Restored;
}

export interface Emulator<Restored> extends EmulatorReady<Restored> {
  /** Waits for work that needs the emulator. Rejects if the emulator fails first. */
  during<Result>(work: Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/**
 * Runs an emulator in a separate thread, so that busy threads do not block it.
 *
 * @param program the module that the thread runs; it calls {@link serveEmulator}
 * @throws the error that the program throws before it listens
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
      const finished = new AbortController();
      const failure = once(thread, 'error', { signal: finished.signal }).then(([error]) => Promise.reject(error));
      return Promise.race([work, failure]).finally(() => finished.abort());
    },
    async stop() {
      thread.postMessage('stop');
      await ended;
    },
  };
}

/**
 * Reports that this thread's emulator is listening, and ends the thread after {@link Emulator.stop}.
 *
 * @param stop stops the emulator
 */
export function serveEmulator<Restored>(ready: EmulatorReady<Restored>, stop: () => Promise<unknown>): void {
  parentPort?.once('message', async () => {
    await stop();
    process.exit();
  });
  parentPort?.postMessage(ready);
}
