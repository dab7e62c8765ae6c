import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAppStatus } from '../app/app-status.ts';
import { PlatformApp } from '../app/platform-app.ts';
import { PLATFORMS } from '../app/platforms.ts';
import { RegistrationError } from '../app/registration.ts';
import { deriveRequirements, type Requirements } from '../app/requirements.ts';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { readEnvironmentFile } from '../cli/environment-file.ts';
import { checkSettings } from '../cli/settings.ts';
import { readAppCredentials } from '../config.ts';
import { consoleSteps } from './setup/console-steps.ts';
import { offerStart } from './setup/offer-start.ts';
import { openLink } from './setup/open-link.ts';
import { reportGrants, type SetupOptions, setUpApp, type Terminal } from './setup/registration.ts';

// npm run setup: creates an app on the platform and writes its credentials to .env.

const USAGE = `Usage: npm run setup [-- [--app <App ID>] [--open] [--yes]]
       npm run setup -- --manual

Creates an app on Feishu or Lark with what functions/handlers needs: events, callbacks and scopes. Shows a QR code; scan
it and confirm. Writes the App ID, the App Secret and the domain to .env, and offers to start the bot.

  --app <App ID>   extend this app instead of creating one
  --open           also open the link in the browser
  --yes            replace the credentials of another app in .env without asking
  --manual         print the steps in the developer console instead, and check off those that are done
  --help           show this help

Exits with 0 if the app is set up, 1 if it was not confirmed or something is missing, 2 if the command could not run, 130
if it was cancelled.`;

const CANCELLED_CODE = 130;

const { values } = readCommandLine(
  USAGE,
  {
    options: {
      app: { type: 'string' },
      open: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      manual: { type: 'boolean', default: false },
    },
  },
  2,
);

const root = path.resolve(import.meta.dirname, '../..');
/** Without the variables of .env, which change. */
const environment = { ...process.env };
const terminal: Terminal = { input: process.stdin, output: process.stdout, cancellation: new AbortController() };
process.on('SIGINT', () => {
  // A call of the official SDK cannot be cancelled.
  if (terminal.cancellation.signal.aborted) process.exit(CANCELLED_CODE);
  terminal.cancellation.abort();
});

try {
  process.exitCode = await (values.manual ? showSteps() : setUp());
} catch (error) {
  if (terminal.cancellation.signal.aborted) {
    console.error('\nCancelled.');
    process.exit(CANCELLED_CODE);
  }
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof RegistrationError && error.code !== 'unreachable' ? 1 : 2;
}

async function setUp(): Promise<number> {
  if (values.app !== undefined && !/^cli_\w+$/.test(values.app)) {
    throw new UsageError(`--app must be an App ID such as cli_a1b2c3, not "${values.app}".`);
  }
  const name = ['FEISHU_APP_ID', 'FEISHU_APP_SECRET', 'FEISHU_DOMAIN'].find((name) => environment[name]);
  if (name !== undefined) {
    throw new UsageError(`${name} is set in the environment, which takes precedence over .env. Unset it first.`);
  }
  const options: SetupOptions = {
    root,
    requirements: await readRequirements(),
    appId: values.app,
    replaces: values.yes,
    openLink: values.open
      ? (link) => openLink(link, (reason) => console.error(`Cannot open the browser: ${reason}.`))
      : undefined,
    clock: { now: Date.now, sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }) },
  };
  const app = await setUpApp(options, terminal);
  if (app === undefined) return 1;
  const isComplete = await reportGrants(app, options, terminal);
  return (await offerStart(root, environment, terminal)) ?? (isComplete ? 0 : 1);
}

async function showSteps(): Promise<number> {
  const requirements = await readRequirements();
  const settings = await readLocalEnvironment(root);
  checkSettings(settings);
  const domain = settings.FEISHU_DOMAIN || PLATFORMS.feishu.domain;
  const hasCredentials = Boolean(settings.FEISHU_APP_ID && settings.FEISHU_APP_SECRET);
  const status = hasCredentials
    ? await readAppStatus(await PlatformApp.create(readAppCredentials(settings)), requirements)
    : [];
  console.log(consoleSteps(requirements, status, domain).join('\n'));
  return status[0]?.status === 'ok' && status.every((item) => item.status !== 'missing') ? 0 : 1;
}

async function readRequirements(): Promise<Requirements> {
  const fromFile = await readEnvironmentFile(path.join(root, '.env'));
  const proxies = Object.entries(fromFile).filter(([name]) => /_proxy$/i.test(name) && environment[name] === undefined);
  Object.assign(process.env, Object.fromEntries(proxies));
  return deriveRequirements(root);
}
