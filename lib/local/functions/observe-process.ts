import { subscribe } from 'node:diagnostics_channel';
import { acceptedChannel } from '../../observability/diagnostics-channels.ts';
import { markConsoleOutput } from './console-output.ts';
import { apiCallChannel, observeApiCalls } from './observe-api-calls.ts';

// Preloaded into a child process: forwards what the program publishes to the parent process, and stops the program when
// the parent exits.

markConsoleOutput();
observeApiCalls();
for (const { name } of [acceptedChannel, apiCallChannel]) {
  subscribe(name, (message, channel) => process.send?.({ channel, message }));
}
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The channel to the parent must not keep the program alive.
process.channel?.unref();
