import path from 'node:path';
import { readCommandLine } from '../cli/command-line.ts';
import { readLocalEnvironment, writeMissingEnvironmentFile } from '../cli/environment.ts';
import { formatEvent } from '../cli/format-event.ts';
import { readAppCredentials } from '../config.ts';
import { toEntry } from '../util/printable.ts';
import { formatFunctionLine } from './functions/function-lines.ts';
import { type Stack, startStack } from './stack.ts';

// npm start: the local stack, until it is interrupted.

const USAGE = `Usage: npm start [-- --long-connection] [--record [folder]]

Runs the whole way of an event on this machine: gateway, functions, queue. Settings come from the environment and .env.
Events that are not handled yet when it ends, even by a kill, wait in .local for the next start; so do dead letters.
Delete that folder to start with an empty queue.

  --long-connection   receive events over the long connection too, with FEISHU_APP_ID and FEISHU_APP_SECRET
  --record [folder]   keep each event as a file in the folder (.recorded unless told), to be sent again or tested with;
                      ids, names and what people wrote are replaced
  --keep-text         with --record: keep what people wrote in messages
  --help              this text

Ends with 0 when it is interrupted, with 1 when it cannot start or the platform refuses the app.`;

const root = path.resolve(import.meta.dirname, '../..');
const { values, positionals } = readCommandLine(USAGE, {
  allowPositionals: true,
  options: {
    'long-connection': { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    'keep-text': { type: 'boolean', default: false },
  },
});
const longConnection = values['long-connection'];
if (!longConnection && (await writeMissingEnvironmentFile(root))) {
  console.log(
    'There was no .env: wrote one with a random Encrypt Key and Verification Token. npm run send uses them too.',
  );
}

const stopped = Promise.withResolvers<void>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve());
try {
  const stack = await start();
  console.log(`feishu-events is ready: POST ${stack.webhookUrl}   events: ${stack.eventsUrl}   stop: Ctrl+C`);
  console.log(`See events and send samples: ${stack.pageUrl}`);
  await stopped.promise;
  console.log('Stopping once what is under way has ended …');
  await stack.stop();
  process.exit();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function start(): Promise<Stack> {
  const environment = await readLocalEnvironment(root);
  if (longConnection) {
    readAppCredentials(environment);
    console.log(
      'The platform gives each event to one connection of an app: this one takes events from a deployed task of the same app.',
    );
  }
  const isDebugging = environment.LOG_LEVEL?.toUpperCase() === 'DEBUG';
  const record = await startRecording();
  return startStack({
    root,
    environment,
    host: environment.HOST || '127.0.0.1',
    port: readPort(environment.PORT),
    watch: true,
    dataFolder: path.join(root, '.local'),
    longConnection,
    onLine(line) {
      const text = formatFunctionLine(line);
      if (text !== undefined) console.log(text);
    },
    onNotice: print,
    onDelivery(delivery) {
      if (isDebugging) console.log(formatEvent(delivery));
      record?.(delivery);
    },
    onApiCall: ({ method, path: target, body }) => print(`Would have sent: ${method} ${target} ${body}`),
    onConnectionEnd() {
      process.exitCode = 1;
      stopped.resolve();
    },
  });
}

async function startRecording() {
  const [folder = '.recorded'] = positionals;
  if (!values.record && (positionals.length > 0 || values['keep-text'])) throw new Error(`Add --record.\n\n${USAGE}`);
  if (positionals.length > 1) throw new Error(`One folder, not ${positionals.join(' ')}.\n\n${USAGE}`);
  if (!values.record) return;
  const keepsText = values['keep-text'];
  const isReplaced = keepsText ? 'but not what people wrote: keep it to yourself' : 'and so is what people wrote';
  console.log(`Recording to ${folder}: ids and names are replaced, ${isReplaced}.`);
  // It knows the fields of all samples: other starts do not load them.
  const { createRecorder } = await import('./recording/recorder.ts');
  return createRecorder({
    folder: path.resolve(root, folder),
    keyFile: path.join(root, '.local/recording-key'),
    keepsText,
    onNotice: print,
  });
}

function print(text: string): void {
  console.log(toEntry(text));
}

function readPort(value = '3000'): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT must be a number from 0 to 65535, not "${value}".`);
}
