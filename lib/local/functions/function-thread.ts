import { subscribe } from 'node:diagnostics_channel';
import { parentPort, workerData } from 'node:worker_threads';
import { acceptedChannel, processedChannel } from '../../observability/diagnostics-channels.ts';
import { yieldToOtherThreads } from '../thread-priority.ts';
import { markConsoleOutput } from './console-output.ts';
import type { FunctionReply, FunctionRequest, FunctionThreadData } from './local-function.ts';

// A thread that stands for a Lambda execution environment: it loads a bundle, and runs its handler when asked to.

const port = parentPort as NonNullable<typeof parentPort>;
const reply = (message: FunctionReply) => port.postMessage(message);

for (const { name } of [acceptedChannel, processedChannel]) {
  subscribe(name, (message) => reply({ kind: 'observation', channel: String(name), message }));
}

const { bundleUrl, name, isBackground } = workerData as FunctionThreadData;
if (isBackground) yieldToOtherThreads();
markConsoleOutput();
const { handler } = await import(bundleUrl);

port.on('message', async ({ id, event, endsAt }: FunctionRequest) => {
  const context = { functionName: name, awsRequestId: `${id}`, getRemainingTimeInMillis: () => endsAt - Date.now() };
  try {
    reply({ kind: 'result', id, result: await handler(event, context) });
  } catch (error) {
    reply({ kind: 'error', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
