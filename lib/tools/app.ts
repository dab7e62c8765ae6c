import path from 'node:path';
import { applyPlan, checkApp, printPlan } from '../app/app-command.ts';
import { environmentKeys } from '../app/environment-keys.ts';
import { KeyRotation } from '../app/key-rotation.ts';
import type { Target } from '../app/plan.ts';
import { PlatformApp } from '../app/platform-app.ts';
import { deriveRequirements } from '../app/requirements.ts';
import { unpublishedChangesOf } from '../app/unpublished-changes.ts';
import { askYesOrNo } from '../cli/ask.ts';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { checkSettings } from '../cli/settings.ts';
import { formatLine } from '../cli/terminal-line.ts';
import { readAppCredentials } from '../config.ts';

// npm run app: compares the app on the platform with what the handlers need, and changes it.

const USAGE = `Usage: npm run app -- <check | plan | apply> [options]

Configures the app whose credentials are in the environment or .env, for the long connection or for a webhook.

  check         list what the app has and lacks
  plan          list what apply would change
  apply         list it, ask, change the app, and publish a version if needed

  --url <url>     use the webhook at this request URL, with the Encrypt Key and the Verification Token in .env, which
                  are generated if they are missing (default: the long connection)
  --rotate-keys   generate a new Encrypt Key and Verification Token, and set them on both sides
  --prune         remove events, callbacks and scopes that no handler needs
  --all           also send what the platform does not report, such as the mode in some tenants
  --yes           apply without asking
  --help          show this help

Exits with 0 if the app is as wanted, 1 if something is missing or waits for an administrator, 2 if the command could not
run or compare, 130 if it was cancelled.`;

const CANCELLED_CODE = 130;

const { values, positionals } = readCommandLine(
  USAGE,
  {
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      'rotate-keys': { type: 'boolean', default: false },
      prune: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    },
  },
  2,
);

const cancellation = new AbortController();
try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  const { aborted: isCancelled } = cancellation.signal;
  console.error(isCancelled ? '\nCancelled. Nothing was changed.' : error instanceof Error ? error.message : error);
  process.exitCode = isCancelled ? CANCELLED_CODE : 2;
}

async function run(): Promise<boolean> {
  const [command] = positionals;
  if (positionals.length !== 1 || !['check', 'plan', 'apply'].includes(String(command))) {
    throw new UsageError(`Pass check, plan or apply.\n\n${USAGE}`);
  }
  if (values['rotate-keys'] && values.url === undefined) {
    throw new UsageError(
      '--rotate-keys needs the request URL of the webhook: --url. The long connection uses no keys.',
    );
  }
  const root = path.resolve(import.meta.dirname, '../..');
  const keyStore = environmentKeys(root, { ...process.env });
  const environment = await readLocalEnvironment(root);
  checkSettings(environment);
  // For the proxy variables, which may be in .env.
  Object.assign(process.env, environment);
  const requestUrl = readUrl(values.url);
  const target: Target = {
    requirements: await deriveRequirements(root),
    requestUrl,
    keys:
      requestUrl === undefined
        ? undefined
        : new KeyRotation({ store: keyStore, requestUrl, renews: values['rotate-keys'], now: Date.now }),
    prunes: values.prune,
    sendsUnknown: values.all,
  };
  const credentials = readAppCredentials(environment);
  const app = await PlatformApp.create(credentials);
  const unpublished = unpublishedChangesOf(root, credentials.appId);
  const options = {
    app,
    target,
    unpublished,
    applyCommand: 'npm run app -- apply',
    print: (line: string) => console.log(formatLine(line)),
  };
  if (command === 'check') return checkApp(options);
  return command === 'plan' ? printPlan(options) : applyPlan({ ...options, confirm });
}

function readUrl(url: string | undefined): string | undefined {
  if (url === undefined || URL.parse(url)?.protocol === 'https:') return url;
  throw new UsageError(`--url must start with https://, not "${url}".`);
}

async function confirm(): Promise<boolean> {
  if (values.yes) return true;
  if (!process.stdin.isTTY) throw new UsageError('Not a terminal: pass --yes to confirm.');
  return askYesOrNo('Apply these changes?', false, process.stdin, process.stdout, cancellation);
}
