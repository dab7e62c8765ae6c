import { formatLine } from '../cli/terminal-line.ts';
import type { Selection } from '../dead-letters/visit.ts';
import type { AppCommand, StageApp } from './configure-app.ts';
import { DeploymentError } from './deployment-error.ts';
import type { DeadLetterCommands } from './dlq/command.ts';
import type { AwsProvider, Serverless } from './serverless.ts';
import type { StackCommandParts } from './stack-command.ts';

export type CommandOptions = Readonly<Record<string, string | boolean | null | undefined>>;

const APP_OPTIONS = {
  'rotate-keys': { usage: 'Set a new Encrypt Key and Verification Token on both sides', type: 'boolean' },
  prune: { usage: 'Remove events, callbacks and scopes that no handler needs', type: 'boolean' },
  all: { usage: 'Also send what the platform does not report', type: 'boolean' },
} as const;

const SELECTION_OPTIONS = {
  type: { usage: 'Only this event type ("unreadable": messages that are not events)', type: 'string' },
  max: { usage: 'At most this many', type: 'string' },
} as const;

/** The operator's commands, in the framework's format. It supports only options, not arguments. */
export const OPERATOR_COMMANDS = {
  // `doctor` without `stack` is the framework's own command, which neither takes a stage nor loads plugins.
  doctor: {
    type: 'container',
    commands: {
      stack: {
        usage: 'Check the deployed stack, and explain how to fix problems',
        lifecycleEvents: ['check'],
        options: {},
      },
    },
  },
  dlq: {
    type: 'container',
    usage: 'Manage the dead-letter queue: events that failed five times or have an unknown envelope',
    commands: {
      list: {
        usage: 'List dead letters with their failure reasons',
        lifecycleEvents: ['list'],
        options: SELECTION_OPTIONS,
      },
      show: {
        usage: 'Show one dead letter with its decrypted event',
        lifecycleEvents: ['show'],
        options: { id: { usage: 'The message id from "dlq list"', type: 'string', required: true } },
      },
      redrive: {
        usage: 'Send dead letters to the worker again, through the same queue',
        lifecycleEvents: ['redrive'],
        options: SELECTION_OPTIONS,
      },
      drop: {
        usage: 'Delete dead letters permanently, after confirmation',
        lifecycleEvents: ['drop'],
        options: { ...SELECTION_OPTIONS, yes: { usage: 'Skip the confirmation', type: 'boolean' } },
      },
    },
  },
  app: {
    type: 'container',
    usage: "Configure the stage's app on Feishu or Lark",
    commands: {
      check: { usage: 'List what the app has and lacks', lifecycleEvents: ['check'], options: {} },
      plan: { usage: 'List what "app apply" would change', lifecycleEvents: ['plan'], options: APP_OPTIONS },
      apply: {
        usage: 'Change the app to what the handlers and the stack need, after confirmation',
        lifecycleEvents: ['apply'],
        options: { ...APP_OPTIONS, yes: { usage: 'Skip the confirmation', type: 'boolean' } },
      },
    },
  },
  queues: {
    type: 'container',
    usage: 'Manage the queues that a deployment replaced',
    commands: {
      move: {
        usage: 'Move the messages of replaced queues to the current ones, in order',
        lifecycleEvents: ['move'],
        options: { delete: { usage: 'Then delete the replaced queues if they are empty', type: 'boolean' } },
      },
    },
  },
} as const;

/** Creates the hooks that run the commands. Their code is loaded only when a command runs. */
export function createOperatorHooks(host: Serverless, options: CommandOptions): Record<string, () => Promise<void>> {
  const withQueue = (work: (commands: DeadLetterCommands) => Promise<void>) => () =>
    withDeadLetters(host.getProvider('aws'), work);
  return {
    'doctor:stack:check': () => runDoctor(host),
    'app:check:check': () => runAppCommand(host, 'check', options),
    'app:plan:plan': () => runAppCommand(host, 'plan', options),
    'app:apply:apply': () => runAppCommand(host, 'apply', options),
    'dlq:list:list': withQueue((commands) => commands.list(readSelection(options))),
    'dlq:show:show': withQueue((commands) => commands.show(String(options.id))),
    'dlq:redrive:redrive': withQueue((commands) => commands.redrive(readSelection(options))),
    'queues:move:move': () => moveReplacedQueues(host.getProvider('aws'), options.delete === true),
    'dlq:drop:drop': withQueue((commands) => commands.drop(readSelection(options), options.yes === true)),
  };
}

async function runDoctor(host: Serverless): Promise<void> {
  const { checkDeployment } = await import('./doctor/doctor.ts');
  const { compareStageApp } = await import('./configure-app.ts');
  const { secretNameOf } = await import('./secrets/secrets.ts');
  const { usesState } = await import('./bundle-functions.ts');
  const provider = host.getProvider('aws');
  const isHealthy = await checkDeployment({
    config: await provider.getAwsSdkV3Config(),
    stackName: provider.naming.getStackName(),
    secretName: secretNameOf(host),
    stage: provider.getStage(),
    compareApp: async () => compareStageApp(await readStageApp(host)),
    usesState: () => usesState(host.serviceDir),
    print: console.log,
  });
  if (!isHealthy) process.exitCode = 1;
}

async function runAppCommand(host: Serverless, command: AppCommand, options: CommandOptions): Promise<void> {
  const { configureApp } = await import('./configure-app.ts');
  const isAsWanted = await configureApp(command, {
    ...(await readStageApp(host)),
    renewsKeys: options['rotate-keys'] === true,
    prunes: options.prune === true,
    sendsUnknown: options.all === true,
    isConfirmed: options.yes === true,
    input: process.stdin,
  });
  if (!isAsWanted) process.exitCode = 1;
}

/**
 * Reads what the configuration of a stage's app depends on.
 *
 * @throws {DeploymentError} if the stack does not exist
 */
export async function readStageApp(host: Serverless): Promise<StageApp> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const { LambdaClient } = await import('@aws-sdk/client-lambda');
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const { readDeployedStack } = await import('./deployed-stack.ts');
  const { secretNameOf } = await import('./secrets/secrets.ts');
  const { readSecret } = await import('./secrets/secret-store.ts');
  const { stageKeys } = await import('./secrets/stage-keys.ts');
  const provider = host.getProvider('aws');
  const config = await provider.getAwsSdkV3Config();
  const stack = await readDeployedStack(new CloudFormationClient(config), provider.naming.getStackName());
  const secretName = secretNameOf(host);
  const secretsManager = new SecretsManagerClient(config);
  const lambda = new LambdaClient(config);
  const secret = await readSecret(secretsManager, secretName);
  const stage = provider.getStage();
  const keyStore = stageKeys({ secrets: secretsManager, lambda, secretName, stack, stage });
  return {
    stack,
    stage,
    root: host.serviceDir,
    secrets: secret?.values ?? {},
    keyStore,
    print: (line) => console.log(formatLine(line)),
  };
}

async function withDeadLetters(
  provider: AwsProvider,
  work: (commands: DeadLetterCommands) => Promise<void>,
): Promise<void> {
  const { createDeadLetterCommands } = await import('./dlq/command.ts');
  await withStack(provider, (parts) => work(createDeadLetterCommands({ ...parts, input: process.stdin })));
}

async function moveReplacedQueues(provider: AwsProvider, deletesQueues: boolean): Promise<void> {
  const { moveQueues } = await import('./move-queues.ts');
  await withStack(provider, (parts) => moveQueues(parts, deletesQueues));
}

/** Runs a command on the deployed stack. Ctrl+C ends it after the current batch. */
async function withStack(provider: AwsProvider, work: (parts: StackCommandParts) => Promise<void>): Promise<void> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const { openSqs } = await import('./aws-clients.ts');
  const { readDeployedStack } = await import('./deployed-stack.ts');
  const { createProgress } = await import('../cli/progress.ts');
  const config = await provider.getAwsSdkV3Config();
  const stack = await readDeployedStack(new CloudFormationClient(config), provider.naming.getStackName());
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  // A second Ctrl+C ends the process as usual.
  process.once('SIGINT', interrupt);
  try {
    await work({
      stack,
      sqs: openSqs(config),
      dynamo: new DynamoDBClient(config),
      print: console.log,
      progress: createProgress(),
      signal: interruption.signal,
    });
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

/** @throws {DeploymentError} if `--max` is not a positive integer */
function readSelection({ type, max }: CommandOptions): Selection {
  const maximum = max == null ? undefined : Number(max);
  if (maximum !== undefined && (!Number.isInteger(maximum) || maximum < 1)) {
    throw new DeploymentError(`--max must be a positive integer, not "${max}".`);
  }
  return { type: type == null ? undefined : String(type), maximum };
}
