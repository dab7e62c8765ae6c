import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { MODULE_NAME } from '../handler-runtime/find-handler.ts';
import { completeEventType, findEventType } from '../samples/event-type.ts';
import { SAMPLE_TYPES, versionOf } from '../samples/samples.ts';
import {
  folderOf,
  handlerFile,
  handlerSource,
  handlerTestFile,
  handlerTestSource,
  type NewHandler,
} from './handler-template.ts';

// npm run new: writes a handler module and a test for it.

const USAGE = `Usage: npm run new -- <event type> [options]

Writes a handler for an event type, and a test for it, where the build and the tests look for them. It overwrites nothing.

  <event type>     for example contact.user.created_v3, or a part that only one type has: user.created
  --callback       of a callback such as card.action.trigger: what answers it, while the person waits. It is the default
  --event          of a callback: what goes on with it behind the queue, once it is answered
  --declare        the type is new: declare it, since the SDK's types do not have it yet
  --help           this text

Exits with 0 when both were written, 1 when one was there already, 2 when there is no such type.`;

const { values, positionals } = readCommandLine(
  USAGE,
  {
    allowPositionals: true,
    options: {
      callback: { type: 'boolean', default: false },
      event: { type: 'boolean', default: false },
      declare: { type: 'boolean', default: false },
    },
  },
  2,
);

try {
  process.exitCode = await write(readHandler());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function readHandler(): NewHandler {
  const [typed] = positionals;
  if (typed === undefined || positionals.length > 1) throw new UsageError(`Give one event type.\n\n${USAGE}`);
  if (values.callback && values.event) throw new UsageError('Give --callback or --event, not both.');
  const { callback, event } = values;
  if (values.declare) return { ...undeclared(typed), isUndeclared: true };
  const sample = completeEventType(typed) ?? findEventType(typed, unknownTypeAdvice(typed));
  if (sample.type !== typed) console.log(`${typed} is ${sample.type}.`);
  if (!sample.isCallback && callback) throw new UsageError(`${sample.type} is an event: leave out --callback.`);
  return { folder: folderOf({ ...sample, isCallback: sample.isCallback && !event }), type: sample.type };
}

function undeclared(type: string): NewHandler {
  if (!MODULE_NAME.test(type)) throw new UsageError(`"${type}" is no event type: letters, digits, "_", "." and "-".`);
  if (SAMPLE_TYPES.some((sample) => sample.type === type)) {
    throw new UsageError(`${type} is declared already: leave out --declare.`);
  }
  if (values.callback) throw new UsageError('A callback is declared with its answer: see lib/feishu/event-types.ts.');
  return { folder: folderOf({ version: versionOf(type), isCallback: false }), type };
}

function unknownTypeAdvice(typed: string): string {
  return `npm run send -- --list shows all. If it is a new one: npm run new -- ${typed} --declare`;
}

/** @returns the exit code */
async function write(handler: NewHandler): Promise<number> {
  const root = path.resolve(import.meta.dirname, '../..');
  const files = [
    { name: handlerFile(handler), source: handlerSource(handler) },
    { name: handlerTestFile(handler), source: handlerTestSource(handler) },
  ];
  const present = files.filter(({ name }) => existsSync(path.join(root, name)));
  if (present.length > 0) {
    console.error(present.map(({ name }) => `${name} is there already: nothing was written.`).join('\n'));
    return 1;
  }
  for (const { name, source } of files) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, source, { flag: 'wx' });
    console.log(`Wrote ${name}`);
  }
  console.log(`\nNext:\n${nextSteps(handler).join('\n')}`);
  return 0;
}

function nextSteps(handler: NewHandler): string[] {
  const { folder, type, isUndeclared } = handler;
  const send = isUndeclared ? '--file <a file with its JSON>' : type;
  const isFirstOfTwo = folder === 'callbacks';
  return [
    `  npx vitest run ${handlerTestFile(handler)}`,
    `  npm run send -- ${send}   while npm start runs`,
    `  Subscribe the app to it in the developer console: Events & Callbacks`,
    ...(isFirstOfTwo ? [`  npm run new -- ${type} --event   for what takes longer than the person waits`] : []),
  ];
}
