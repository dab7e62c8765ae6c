import type { Selection } from '../dead-letters/visit.ts';
import { DeploymentError } from './deployment-error.ts';
import type { DeadLetterCommands } from './dlq/command.ts';
import type { AwsProvider, Serverless } from './serverless.ts';

export type CommandOptions = Readonly<Record<string, string | boolean | null | undefined>>;

const SELECTION_OPTIONS = {
  type: { usage: 'Of this event type alone ("unreadable": messages that are no event)', type: 'string' },
  max: { usage: 'Not more than so many', type: 'string' },
} as const;

/** The operator's commands, as the framework wants them declared. It takes no arguments beside options. */
export const OPERATOR_COMMANDS = {
  // `doctor` alone is the framework's own, which neither takes a stage nor loads plugins.
  doctor: {
    type: 'container',
    commands: {
      stack: {
        usage: 'Walk the deployed chain, and say what is wrong and what to do',
        lifecycleEvents: ['examine'],
        options: {},
      },
    },
  },
  dlq: {
    type: 'container',
    usage: 'The events that could not be handled',
    commands: {
      list: {
        usage: 'List them, with the reason of the last failure',
        lifecycleEvents: ['list'],
        options: SELECTION_OPTIONS,
      },
      show: {
        usage: 'Show one with its whole event, decrypted',
        lifecycleEvents: ['show'],
        options: { id: { usage: 'The message, as listed', type: 'string', required: true } },
      },
      redrive: {
        usage: 'Send them to the worker again, through the same queue',
        lifecycleEvents: ['redrive'],
        options: SELECTION_OPTIONS,
      },
      drop: {
        usage: 'Delete them for good; asks first',
        lifecycleEvents: ['drop'],
        options: { ...SELECTION_OPTIONS, yes: { usage: 'Without asking', type: 'boolean' } },
      },
    },
  },
} as const;

/** What runs them. Nothing of it is loaded before a command is called. */
export function createOperatorHooks(host: Serverless, options: CommandOptions): Record<string, () => Promise<void>> {
  const onDeadLetters = (work: (commands: DeadLetterCommands) => Promise<void>) => () =>
    withDeadLetters(host.getProvider('aws'), work);
  return {
    'doctor:stack:examine': () => examine(host),
    'dlq:list:list': onDeadLetters((commands) => commands.list(readSelection(options))),
    'dlq:show:show': onDeadLetters((commands) => commands.show(String(options.id))),
    'dlq:redrive:redrive': onDeadLetters((commands) => commands.redrive(readSelection(options))),
    'dlq:drop:drop': onDeadLetters((commands) => commands.drop(readSelection(options), options.yes === true)),
  };
}

async function examine(host: Serverless): Promise<void> {
  const { examineDeployment } = await import('./doctor/doctor.ts');
  const { secretNameOf } = await import('./secrets/secrets.ts');
  const provider = host.getProvider('aws');
  const config = await provider.getAwsSdkV3Config();
  const stackName = provider.naming.getStackName();
  const secretName = secretNameOf(host);
  const isHealthy = await examineDeployment({ config, stackName, secretName, print: console.log });
  if (!isHealthy) process.exitCode = 1;
}

async function withDeadLetters(
  provider: AwsProvider,
  work: (commands: DeadLetterCommands) => Promise<void>,
): Promise<void> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const { openSqs } = await import('./aws-clients.ts');
  const { readDeployedStack } = await import('./deployed-stack.ts');
  const { createDeadLetterCommands } = await import('./dlq/command.ts');
  const { createProgress } = await import('../cli/progress.ts');
  const config = await provider.getAwsSdkV3Config();
  const stack = await readDeployedStack(new CloudFormationClient(config), provider.naming.getStackName());
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  // The second one ends the process as usual.
  process.once('SIGINT', interrupt);
  try {
    const commands = createDeadLetterCommands({
      stack,
      sqs: openSqs(config),
      dynamo: new DynamoDBClient(config),
      print: console.log,
      progress: createProgress(),
      signal: interruption.signal,
      input: process.stdin,
    });
    await work(commands);
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

/** @throws {DeploymentError} when `--max` is no number */
function readSelection({ type, max }: CommandOptions): Selection {
  const maximum = max == null ? undefined : Number(max);
  if (maximum !== undefined && (!Number.isInteger(maximum) || maximum < 1)) {
    throw new DeploymentError(`--max must be a whole number above 0, not "${max}".`);
  }
  return { type: type == null ? undefined : String(type), maximum };
}
