import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { readTextFile } from '../cli/read-text-file.ts';
import { formatFunctionLine } from '../local/functions/function-lines.ts';
import { mockPlatformAccess } from '../local/platform-access.ts';
import { invokeFunction } from '../local/user-functions/invocation.ts';
import { createScheduledEvent, ignoredSettingsNotice } from '../local/user-functions/schedules.ts';
import {
  environmentOf,
  missingVariablesNotice,
  readUserFunctions,
  TEMPLATE_FUNCTIONS,
  type UserFunction,
} from '../local/user-functions/user-functions.ts';
import { startMockPlatform } from '../mock-platform/start-mock-platform.ts';
import { toEntry, toPrintable } from '../util/printable.ts';

// npm run invoke: runs a function of the user once.

const USAGE = `Usage: npm run invoke -- <function> [options]

Bundles a function of extensions.yml or serverless.yml as a deployment does, and runs it once on this machine, with the
variables of the environment and .env and those of the function's "environment". Prints its result to the standard
output, its logs and errors to the standard error.

  <function>       the name of the function
  --data <json>    the event (default: the event of the function's first schedule, or {})
  --data @<file>   read the event from a file; @- reads the standard input
  --help           show this help

Exits with 0 if the function returned, 1 if it failed or timed out, 2 if it could not be run.`;

/** Lambda's limit for the payload of an invocation. */
const MAXIMUM_EVENT_BYTES = 6 * 1024 * 1024;

const { values, positionals } = readCommandLine(
  USAGE,
  { allowPositionals: true, options: { data: { type: 'string' } } },
  2,
);

try {
  process.exitCode = await invoke(path.resolve(import.meta.dirname, '../..'));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

/** @returns the exit code */
async function invoke(root: string): Promise<number> {
  const userFunction = await findFunction(root);
  const userEnvironment = await readLocalEnvironment(root);
  const event = values.data === undefined ? defaultEvent(userFunction, userEnvironment) : await readData(values.data);
  // Without app credentials, the function's API calls go to this platform.
  await using mockPlatform = await startMockPlatform({
    onCall: ({ method, path: target, body }) => {
      console.error(toEntry(`Would have sent: ${method} ${target} ${body}`));
    },
    onNotice: (text) => console.error(toEntry(text)),
  });
  const { environment, missing } = environmentOf(userFunction, {
    ...userEnvironment,
    ...mockPlatformAccess(userEnvironment, mockPlatform.origin),
  });
  if (missing.length > 0) console.error(missingVariablesNotice(missing));

  const { name } = userFunction;
  const { milliseconds, ...outcome } = await invokeFunction({
    root,
    userFunction,
    event,
    environment,
    onLine(line) {
      const text = formatFunctionLine(line);
      if (text !== undefined) console.error(text);
    },
  });
  if ('error' in outcome) {
    console.error(toEntry(`${name} failed after ${milliseconds} ms: ${outcome.error}`));
    return 1;
  }
  console.error(`${name} returned after ${milliseconds} ms:`);
  console.log(toPrintable(JSON.stringify(JSON.parse(outcome.result), null, 2)));
  return 0;
}

async function findFunction(root: string): Promise<UserFunction> {
  const [name] = positionals;
  if (positionals.length > 1) throw new UsageError(`Pass one function, not ${positionals.join(' ')}.\n\n${USAGE}`);
  if (name !== undefined && TEMPLATE_FUNCTIONS.includes(name)) {
    throw new UsageError(
      `${name} processes the platform's events. Run npm start, then for example: npm run send -- im.message.receive_v1`,
    );
  }
  const { functions, unresolved } = await readUserFunctions(root);
  const found = functions.find((userFunction) => userFunction.name === name);
  if (found !== undefined) return found;
  const problem =
    name === undefined ? `Pass the name of a function.\n\n${USAGE}\n\n` : `There is no function "${name}". `;
  const notRead = unresolved.length === 0 ? '' : `\nNot read, because only the framework can: ${unresolved.join(', ')}`;
  throw new UsageError(`${problem}${listFunctions(functions)}${notRead}`);
}

function listFunctions(functions: readonly UserFunction[]): string {
  if (functions.length === 0) {
    return 'extensions.yml contains no functions; see docs/deploying.md#add-a-function';
  }
  const width = Math.max(...functions.map(({ name }) => name.length));
  const lines = functions.map(({ name, schedules }) => {
    const expressions = schedules.flatMap((schedule) => schedule.expressions);
    return `  ${[name.padEnd(width), ...expressions].join('   ').trimEnd()}`;
  });
  return `Available functions:\n${lines.join('\n')}`;
}

function defaultEvent({ name, schedules: [schedule] }: UserFunction, environment: Record<string, string>): unknown {
  if (schedule === undefined) return {};
  if (schedule.ignored.length > 0) console.error(ignoredSettingsNotice(schedule.ignored));
  return createScheduledEvent(schedule, name, environment.AWS_REGION);
}

/** @param data JSON, or `@` and a file's name, or `@-` */
async function readData(data: string): Promise<unknown> {
  const text = data.startsWith('@') ? await readDataFile(data.slice(1)) : data;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`The event is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

async function readDataFile(file: string): Promise<string> {
  try {
    return file === '-' ? await readText(process.stdin) : await readTextFile(file, MAXIMUM_EVENT_BYTES);
  } catch (cause) {
    throw new UsageError(`Cannot read the event: ${(cause as Error).message}`, { cause });
  }
}
