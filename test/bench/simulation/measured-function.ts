import { pathToFileURL } from 'node:url';

// Runs a function's bundle as one Lambda environment does, and reports the CPU time of each event. This excludes the queue
// and the database, which run in another process.

export interface Job {
  bundlePath: string;
  /** The first one is the cold start. */
  events: unknown[];
}

/** Milliseconds of CPU time. */
export interface Measured {
  /** Starting Node, loading the bundle and handling the first event. */
  cold: number;
  /** Each event after the first. */
  warm: number[];
}

const processorMilliseconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const started = processorMilliseconds();

process.once('message', async ({ bundlePath, events }: Job) => {
  const received = processorMilliseconds();
  const { handler } = await import(pathToFileURL(bundlePath).href);
  const context = { getRemainingTimeInMillis: () => 60_000 };
  const times: number[] = [];
  for (const event of events) {
    const before = times.length === 0 ? received : processorMilliseconds();
    await handler(event, context);
    times.push(processorMilliseconds() - before);
  }
  const [first = 0, ...warm] = times;
  process.send?.({ cold: started + first, warm } satisfies Measured);
  process.disconnect();
});
