import path from 'node:path';
import { readLocalEnvironment, writeMissingEnvironmentFile } from './environment.ts';
import { formatEvent } from './format-event.ts';
import { formatFunctionLine } from './function-lines.ts';
import { startStack } from './stack.ts';

// npm start: the local stack, until it is interrupted.

const root = path.resolve(import.meta.dirname, '../..');
if (await writeMissingEnvironmentFile(root)) {
  console.log(
    'There was no .env: wrote one with a random Encrypt Key and Verification Token. npm run send uses them too.',
  );
}
const environment = await readLocalEnvironment(root);
const isDebugging = environment.LOG_LEVEL?.toUpperCase() === 'DEBUG';

const stack = await startStack({
  root,
  environment,
  host: environment.HOST || '127.0.0.1',
  port: readPort(environment.PORT),
  watch: true,
  onLine(line) {
    const text = formatFunctionLine(line);
    if (text !== undefined) console.log(text);
  },
  onNotice: (text) => console.log(text),
  ...(isDebugging && { onDelivery: (record) => console.log(formatEvent(record)) }),
  onApiCall: ({ method, path: target, body }) => console.log(`Would have sent: ${method} ${target} ${body}`),
}).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});

console.log(`feishu-events is ready: POST ${stack.webhookUrl}   events: ${stack.eventsUrl}   stop: Ctrl+C`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    console.log('Stopping once what is under way has ended …');
    await stack.stop();
    process.exit(0);
  });
}

function readPort(value = '3000'): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  console.error(`PORT must be a number from 0 to 65535, not "${value}".`);
  process.exit(1);
}
