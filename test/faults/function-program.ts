import { pathToFileURL } from 'node:url';
import { type Invocation, READY, type Reply } from './function-process.ts';

// Acts as a Lambda execution environment: loads a bundle and invokes its handler.

const shiftMilliseconds = Number(process.env.CLOCK_SHIFT_MILLISECONDS ?? 0);
if (shiftMilliseconds !== 0) shiftClock(shiftMilliseconds);

const { handler } = await import(pathToFileURL(process.argv[2] as string).href);
const reply = (message: Reply) => process.send?.(message);

process.on('message', async ({ id, event, milliseconds }: Invocation) => {
  // Not based on Date: a wrong clock does not change the remaining time on Lambda.
  const endsAt = performance.now() + milliseconds;
  const context = { awsRequestId: `${id}`, getRemainingTimeInMillis: () => Math.max(0, endsAt - performance.now()) };
  try {
    reply({ id, result: await handler(event, context) });
  } catch (error) {
    reply({ id, error: String(error) });
  }
});
process.once('disconnect', () => process.exit());
process.send?.(READY);

function shiftClock(byMilliseconds: number): void {
  const RealDate = Date;
  const now = () => RealDate.now() + byMilliseconds;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}
