import { type Profiler, Session } from 'node:inspector/promises';
import { pathToFileURL } from 'node:url';

// Runs a function's bundle as one Lambda environment does, and reports the CPU time of each event. This excludes the queue
// and the database, which run in another process.

export interface Job {
  bundlePath: string;
  /** The first one is the cold start. */
  events: unknown[];
  /** The index of the first event that is profiled. Default: none. */
  profileFrom?: number;
}

/** Milliseconds of CPU time. */
export interface Measured {
  /** Starting Node, loading the bundle and handling the first event. */
  cold: number;
  /** Each event after the first. */
  warm: number[];
  profile?: Profiler.Profile | undefined;
}

const SAMPLING_MICROSECONDS = 200;

const processorMilliseconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const started = processorMilliseconds();

process.once('message', async ({ bundlePath, events, profileFrom }: Job) => {
  const received = processorMilliseconds();
  const { handler } = await import(pathToFileURL(bundlePath).href);
  const context = { getRemainingTimeInMillis: () => 60_000 };
  const times: number[] = [];
  const session = new Session();
  for (const [index, event] of events.entries()) {
    if (index === profileFrom) await startProfiler(session);
    const before = times.length === 0 ? received : processorMilliseconds();
    await handler(event, context);
    times.push(processorMilliseconds() - before);
  }
  const [first = 0, ...warm] = times;
  const profile = profileFrom === undefined ? undefined : (await session.post('Profiler.stop')).profile;
  // A profile is too long to be sent at once.
  process.send?.({ cold: started + first, warm, profile } satisfies Measured, () => process.disconnect());
});

async function startProfiler(session: Session): Promise<void> {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
  await session.post('Profiler.start');
}
