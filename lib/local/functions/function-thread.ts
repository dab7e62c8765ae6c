import { subscribe } from 'node:diagnostics_channel';
import { parentPort, workerData } from 'node:worker_threads';
import { acceptedChannel, processedChannel, rejectedChannel } from '../../observability/diagnostics-channels.ts';
import { lowerThreadPriority } from '../thread-priority.ts';
import { markConsoleOutput } from './console-output.ts';
import type { FunctionMessage, FunctionRequest, FunctionThreadData } from './local-function.ts';
import { apiCallChannel, observeApiCalls } from './observe-api-calls.ts';

// Emulates a Lambda execution environment: loads a bundle, and runs its handler for each request.

const port = parentPort as NonNullable<typeof parentPort>;
const send = (message: FunctionMessage) => port.postMessage(message);

observeApiCalls();
for (const { name } of [acceptedChannel, rejectedChannel, processedChannel, apiCallChannel]) {
  subscribe(name, (message) => send({ kind: 'published', channel: String(name), message }));
}

const { bundleUrl, name, isBackground } = workerData as FunctionThreadData;
if (isBackground) lowerThreadPriority();
markConsoleOutput();
const { handler } = await import(bundleUrl);

port.on('message', async ({ id, event, endsAt }: FunctionRequest) => {
  const context = { functionName: name, awsRequestId: `${id}`, getRemainingTimeInMillis: () => endsAt - Date.now() };
  try {
    send({ kind: 'result', id, result: await handler(event, context) });
  } catch (error) {
    send({ kind: 'error', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
