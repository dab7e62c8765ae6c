import path from 'node:path';
import { readCommandLine } from '../cli/command-line.ts';
import { readLocalEnvironment, writeMissingEnvironmentFile } from '../cli/environment.ts';
import { formatEvent } from '../cli/format-event.ts';
import { checkSettings } from '../cli/settings.ts';
import { readConnectionCredentials } from '../connection/credentials.ts';
import { toEntry } from '../util/printable.ts';
import { watchEnvironment } from './environment-changes.ts';
import type { EventRecord } from './event-log.ts';
import { formatField, formatFunctionLine } from './functions/function-lines.ts';
import { type Stack, startStack } from './stack.ts';
import { TypeCheck } from './type-check.ts';

// npm start: runs the local stack until it is interrupted.

const USAGE = `Usage: npm start [-- [--long-connection] [--record [folder]] [--keep-text]]

Receives and handles events on this machine, with local emulators of SQS, DynamoDB and S3. Reads settings from the
environment and .env. Stores unhandled events and dead letters in .local for the next start. Delete that folder to start
with an empty queue.

  --long-connection   also receive events over the long connection, with FEISHU_APP_ID and FEISHU_APP_SECRET
  --record [folder]   save each event as a file in the folder (default: .recorded), to send again or to use in tests;
                      ids, names and texts are replaced
  --keep-text         with --record: keep the texts of messages
  --help              print this help

Exits with 0 when interrupted, 1 if it cannot start or the platform rejects the app.`;

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
  console.log('Created .env with a random Encrypt Key and Verification Token. npm run send uses it too.');
}

const typeCheck = new TypeCheck({ root, onNotice: print });
const stopped = Promise.withResolvers<void>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve());
try {
  const stack = await start();
  const state = stack.hasFailedBuild
    ? 'feishu-events waits until the functions can be built.'
    : 'feishu-events is ready.';
  console.log(`${state} Press Ctrl+C to stop.
  Inspector  ${stack.pageUrl}   chat with the bot, send samples, see events
  Webhook    POST ${stack.webhookUrl}
  Events     GET ${stack.eventsUrl}`);
  for (const url of await stack.approvalUrls()) print(`  Approval   POST ${url}`);
  await announceScheduledFunctions(stack);
  await stopped.promise;
  typeCheck.stop();
  console.log('Stopping. Waiting for the events in flight …');
  await stack.stop();
  process.exit();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function start(): Promise<Stack> {
  const environment = await readLocalEnvironment(root);
  checkEnvironment(environment);
  if (longConnection) {
    console.log(
      'The platform sends each event to only one connection per app. A deployed connection of the same app misses the events that arrive here.',
    );
  }
  const logLevel = () => (environment.LOG_LEVEL || 'INFO').toUpperCase();
  const record = await startRecording();
  const stack = await startStack({
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
    onProcessed(record) {
      // The worker logs these outcomes at the level DEBUG.
      if (logLevel() === 'INFO' && isQuiet(record)) print(formatOutcome(record));
    },
    onBuild: () => typeCheck.schedule(),
    onDelivery(delivery) {
      if (logLevel() === 'DEBUG') console.log(formatEvent(delivery));
      record?.(delivery);
    },
    onApiCall: ({ method, path: target, body }) => print(`Would have sent: ${method} ${target} ${body}`),
    onConnectionEnd() {
      process.exitCode = 1;
      stopped.resolve();
    },
  });
  watchEnvironment({
    root,
    environment,
    check: checkEnvironment,
    onChange: () => stack.reloadEnvironment(),
    onNotice: print,
  });
  return stack;
}

function checkEnvironment(environment: Record<string, string>): void {
  checkSettings(environment);
  if (longConnection) readConnectionCredentials(environment);
}

function isQuiet({ status }: EventRecord): boolean {
  return status === 'answered' || status === 'unhandled';
}

/** Formats an outcome like the worker's log. */
function formatOutcome({ status, updatedAt, id, type, handleMilliseconds }: EventRecord): string {
  const fields = { event_id: id, event_type: type, milliseconds: handleMilliseconds };
  return [updatedAt.slice(11, 23), 'INFO ', status, ...Object.entries(fields).map(formatField)].join(' ');
}

async function announceScheduledFunctions(stack: Stack): Promise<void> {
  try {
    const names = (await stack.scheduledFunctions()).map(({ name }) => name);
    if (names.length > 0) print(`  Scheduled  ${names.join(', ')}   run them in the inspector or with npm run invoke`);
  } catch (error) {
    print(`The inspector shows no scheduled functions. ${(error as Error).message}`);
  }
}

async function startRecording() {
  const [folder = '.recorded'] = positionals;
  if (!values.record && (positionals.length > 0 || values['keep-text']))
    throw new Error(`A folder or --keep-text requires --record.\n\n${USAGE}`);
  if (positionals.length > 1)
    throw new Error(`Too many arguments: ${positionals.join(' ')}. --record takes one folder.\n\n${USAGE}`);
  if (!values.record) return;
  const keepsText = values['keep-text'];
  const replaced = keepsText
    ? 'Ids and names are replaced, texts are not: keep the files private.'
    : 'Ids, names and texts are replaced.';
  console.log(`Recording events to ${folder}. ${replaced}`);
  // Loaded only here, because the recorder loads all samples.
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
  throw new Error(`PORT must be an integer from 0 to 65535, not "${value}".`);
}
