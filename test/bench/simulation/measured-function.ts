import { pathToFileURL } from 'node:url';

// Runs a function's bundle as one environment of Lambda would, and tells the processor time each part took. Apart from
// the queue and the database, which are processes of their own, and from what else the machine does.

export interface Job {
  bundlePath: string;
  /** The first is the cold one. */
  events: unknown[];
}

/** Milliseconds of processor time. */
export interface Measured {
  /** Node's start, the bundle's, and the first event. */
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
