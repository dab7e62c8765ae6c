import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { APPROVALS_PATH } from '../approvals/path.ts';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { MODULE_NAME } from '../handler-runtime/find-handler.ts';
import { SAMPLE_TYPES, type SampleType, versionOf } from '../samples/samples.ts';
import {
  approvalFile,
  approvalSource,
  approvalTestFile,
  approvalTestSource,
  approvalVariables,
  type NewApproval,
} from './approval-template.ts';
import { completeEventType, findEventType } from './event-type.ts';
import { copyExample, ExistingFilesError, listExamples } from './example/copy-example.ts';
import {
  folderOf,
  handlerFile,
  handlerSource,
  handlerTestFile,
  handlerTestSource,
  type NewHandler,
} from './handler-template.ts';

// npm run new: writes a handler and its test.

const USAGE = `Usage: npm run new -- <event type> [options]
       npm run new -- <name> --approval-options | --quick-approval
       npm run new -- --example [<name>]

Writes a handler for an event type or for Approval, and its test, or copies an example. Never overwrites your files.

  <event type>     for example contact.user.created_v3, or a unique part of it: user.created
  --callback       for a callback such as card.action.trigger: write the handler that returns the response (default)
  --event          for a callback: write the handler that runs from the queue, after the response
  --v1, --v2       write the handler of a v1.0 or v2.0 event (default: the version that the platform sends; for a type
                   to declare, v2.0 if its name contains a dot)
  --declare        declare the type, if it is new and the SDK's types do not contain it yet; with --callback, declare it
                   as a callback
  --help           show this help

  <name>              the last part of a URL, for example customers
  --approval-options  write the data source of a control in an approval form
  --quick-approval    write the handler of users' decisions about third-party approvals

  --example           copy a bot from examples/: its handlers and tests, its settings to extensions.yml and its packages
                      to package.json. It replaces only the template's own samples, if you have not changed them.
                      Without a name: list the examples

Exits with 0 if the files were written, 1 if one already exists, 2 if the arguments are invalid.`;

type Version = SampleType['version'];

const { values, positionals } = readCommandLine(
  USAGE,
  {
    allowPositionals: true,
    options: {
      callback: { type: 'boolean', default: false },
      event: { type: 'boolean', default: false },
      v1: { type: 'boolean', default: false },
      v2: { type: 'boolean', default: false },
      declare: { type: 'boolean', default: false },
      'approval-options': { type: 'boolean', default: false },
      'quick-approval': { type: 'boolean', default: false },
      example: { type: 'boolean', default: false },
    },
  },
  2,
);
const root = path.resolve(import.meta.dirname, '../..');

try {
  process.exitCode = values.example ? await runExample() : await runTemplate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof ExistingFilesError ? 1 : 2;
}

/** @returns the exit code */
async function runTemplate(): Promise<number> {
  const { 'approval-options': isOptions, 'quick-approval': isQuickApproval } = values;
  return await write(isOptions || isQuickApproval ? describeApproval(readApproval()) : describeHandler(readHandler()));
}

/** @returns the exit code */
async function runExample(): Promise<number> {
  const { example: _, ...others } = values;
  const other = Object.entries(others).find(([, isSet]) => isSet);
  if (other !== undefined) throw new UsageError(`--${other[0]} does not apply to examples: remove it.`);
  const [name] = positionals;
  const examples = await listExamples(root);
  const list = [...examples].map(([known, description]) => `  ${known.padEnd(15)} ${description}`).join('\n');
  if (name === undefined) {
    console.log(`Copy an example with npm run new -- --example <name>:\n\n${list}`);
    return 0;
  }
  if (positionals.length > 1 || !examples.has(name))
    throw new UsageError(`There is no example "${positionals.join(' ')}". The examples are:\n\n${list}`);
  const { report, needsInstallation, nextSteps: trialSteps } = await copyExample(root, name);
  const steps = [
    ...(needsInstallation ? ['npm install'] : []),
    'npm run check && npm run test:handlers',
    'npm start   creates .env, if there is none',
    ...trialSteps,
    'docs/examples.md describes how to use and deploy it',
  ];
  console.log(`${report.join('\n')}\n\nNext:\n${steps.map((step) => `  ${step}`).join('\n')}`);
  return 0;
}

function readApproval(): NewApproval {
  const [name = ''] = positionals;
  if (positionals.length !== 1 || !MODULE_NAME.test(name))
    throw new UsageError(`Pass one name. Use letters, digits, "_", "." and "-".\n\n${USAGE}`);
  const { 'approval-options': isOptions, 'quick-approval': isQuickApproval, ...others } = values;
  if (isOptions && isQuickApproval) throw new UsageError('Pass --approval-options or --quick-approval, not both.');
  const other = Object.entries(others).find(([, isSet]) => isSet);
  if (other !== undefined) throw new UsageError(`--${other[0]} is for events and callbacks: remove it.`);
  return { name, kind: isOptions ? 'options' : 'quick-approval' };
}

function readHandler(): NewHandler {
  const [typed] = positionals;
  if (typed === undefined || positionals.length > 1) throw new UsageError(`Pass one event type.\n\n${USAGE}`);
  if (values.callback && values.event) throw new UsageError('Pass --callback or --event, not both.');
  if (values.v1 && values.v2) throw new UsageError('Pass --v1 or --v2, not both.');
  const { callback, event } = values;
  const requested = values.v1 ? '1.0' : values.v2 ? '2.0' : undefined;
  if (values.declare) return { ...undeclaredHandler(typed, requested), isUndeclared: true };
  const sample = completeEventType(typed) ?? findEventType(typed, unknownTypeAdvice(typed));
  if (sample.type !== typed) console.log(`Using ${sample.type}.`);
  if (!sample.isCallback && callback)
    throw new UsageError(`${sample.type} is an event, not a callback: remove --callback.`);
  const isCallback = sample.isCallback && !event;
  if (isCallback && requested !== undefined)
    throw new UsageError(`${sample.type} is a callback: remove ${flagOf(requested)}, or add --event.`);
  return { folder: folderOf({ version: versionToWrite(sample, requested), isCallback }), type: sample.type };
}

function versionToWrite({ type, version, declaredVersions }: SampleType, requested: Version | undefined): Version {
  if (requested !== undefined && !declaredVersions.includes(requested))
    throw new UsageError(`${type} is a v${version} event: remove ${flagOf(requested)}.`);
  if (requested === undefined && declaredVersions.length > 1)
    console.log(
      `Assuming v${version}, the envelope that the platform sends. The SDKs register the type as v1.0: --v1.`,
    );
  return requested ?? version;
}

function undeclaredHandler(type: string, requested: Version | undefined): NewHandler {
  if (!MODULE_NAME.test(type))
    throw new UsageError(`"${type}" is not a valid event type. Use letters, digits, "_", "." and "-".`);
  if (SAMPLE_TYPES.some((sample) => sample.type === type)) {
    throw new UsageError(`${type} is already declared: remove --declare.`);
  }
  if (values.callback) {
    if (requested !== undefined)
      throw new UsageError(`A callback module has no version: remove ${flagOf(requested)}, or --callback.`);
    return { folder: 'callbacks', type };
  }
  const version = requested ?? versionOf(type);
  if (requested === undefined) {
    const reason = version === '2.0' ? 'contains a dot' : 'contains no dot';
    console.log(`Assuming a v${version} event, because its name ${reason}. If it is not: ${otherFlagOf(version)}.`);
  }
  return { folder: folderOf({ version, isCallback: false }), type };
}

function flagOf(version: Version): '--v1' | '--v2' {
  return version === '1.0' ? '--v1' : '--v2';
}

function otherFlagOf(version: Version): '--v1' | '--v2' {
  return flagOf(version === '1.0' ? '2.0' : '1.0');
}

function unknownTypeAdvice(typed: string): string {
  return `To list all types: npm run send -- --list. If the type is new: npm run new -- ${typed} --declare`;
}

interface NewModule {
  files: { name: string; source: string }[];
  nextSteps: string[];
}

function describeHandler(handler: NewHandler): NewModule {
  return {
    files: [
      { name: handlerFile(handler), source: handlerSource(handler) },
      { name: handlerTestFile(handler), source: handlerTestSource(handler) },
    ],
    nextSteps: nextSteps(handler),
  };
}

function describeApproval(approval: NewApproval): NewModule {
  const names = approvalVariables(approval);
  return {
    files: [
      { name: approvalFile(approval), source: approvalSource(approval) },
      { name: approvalTestFile(approval), source: approvalTestSource(approval) },
    ],
    nextSteps: [
      `  npx vitest run ${approvalTestFile(approval)}`,
      `  Set ${names.join(' and ')} in .env, to the values in the approval's definition. Without a key there, remove \`key\`.`,
      `  approvals: { secrets: [${names.join(', ')}] }   in extensions.yml, to deploy them`,
      `  POST ${APPROVALS_PATH}${approval.name}   is the path of the URL for the definition`,
    ],
  };
}

/** @returns the exit code */
async function write({ files, nextSteps }: NewModule): Promise<number> {
  const existing = files.filter(({ name }) => existsSync(path.join(root, name)));
  if (existing.length > 0) {
    console.error(existing.map(({ name }) => `${name} already exists: nothing was written.`).join('\n'));
    return 1;
  }
  for (const { name, source } of files) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, source, { flag: 'wx' });
    console.log(`Wrote ${name}`);
  }
  console.log(`\nNext:\n${nextSteps.join('\n')}`);
  return 0;
}

function nextSteps(handler: NewHandler): string[] {
  const { folder, type, isUndeclared } = handler;
  const send = isUndeclared ? '--file <JSON file>' : type;
  return [
    `  npx vitest run ${handlerTestFile(handler)}`,
    `  npm run send -- ${send}   while npm start is running`,
    '  npm run app -- apply   subscribes your app to it; or use the developer console: Events & Callbacks',
    ...(folder === 'callbacks'
      ? [
          `  npm run new -- ${type} ${isUndeclared ? '--declare' : '--event'}   for work that continues after the response`,
        ]
      : []),
  ];
}
