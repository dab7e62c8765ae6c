import { subscribe } from 'node:diagnostics_channel';
import { acceptedChannel } from '../../observability/diagnostics-channels.ts';
import { markConsoleOutput } from './console-output.ts';

// Loaded before a program that another process starts: tells that process what the program publishes, and ends the
// program with it.

markConsoleOutput();
subscribe(acceptedChannel.name, (message, channel) => process.send?.({ channel, message }));
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Listening to the other process must not keep the program alive.
process.channel?.unref();
