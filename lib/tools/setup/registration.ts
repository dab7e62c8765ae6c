import path from 'node:path';
import { readAppStatus } from '../../app/app-status.ts';
import { createConfirmationLink } from '../../app/confirmation-link.ts';
import { formatStatus } from '../../app/format-status.ts';
import { PlatformApp } from '../../app/platform-app.ts';
import { PLATFORMS } from '../../app/platforms.ts';
import {
  beginRegistration,
  collectApp,
  type PendingRegistration,
  type RegisteredApp,
  RegistrationError,
  type RegistrationOptions,
} from '../../app/registration.ts';
import type { Requirements } from '../../app/requirements.ts';
import { askYesOrNo } from '../../cli/ask.ts';
import { changeEnvironmentFile } from '../../cli/change-environment-file.ts';
import { UsageError } from '../../cli/command-line.ts';
import { writeMissingEnvironmentFile } from '../../cli/environment.ts';
import { readEnvironmentFile } from '../../cli/environment-file.ts';
import { createProgress } from '../../cli/progress.ts';
import { formatLine } from '../../cli/terminal-line.ts';
import { qrCodeWidth, renderQrCode } from './qr-code.ts';
import { requestedScopes } from './requested-scopes.ts';

/** How the command talks to the user. */
export interface Terminal {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  cancellation: AbortController;
}

export interface SetupOptions extends Pick<RegistrationOptions, 'clock' | 'platforms'> {
  /** The project's folder. */
  root: string;
  requirements: Requirements;
  /** The app to extend. Default: create one. */
  appId: string | undefined;
  /** Replaces another app's credentials in `.env` without asking. */
  replaces: boolean;
  /** Opens the link in a browser, in addition to printing it. */
  openLink?: ((link: URL) => void) | undefined;
}

const WAITING_ADVICE = 'Ask an administrator to approve it in the admin console. To check again: npm run app -- check';
const GRANT_ADVICE = [
  'The platform has not granted everything: it drops what it does not know or has not released for your tenant, and some scopes wait for an administrator.',
  'To add the rest: npm run app -- apply',
  'If the platform rejects it: npm run setup -- --manual',
];

/**
 * Creates or extends an app through a user's confirmation, and writes its credentials to `.env`.
 *
 * @returns `undefined` if the user does not want to replace the credentials in `.env`
 * @throws {RegistrationError} if the user denies it, the code expires, or the platform refuses or does not respond
 * @throws {UsageError} if the settings contradict it
 * @throws the reason of the cancellation
 */
export async function setUpApp(options: SetupOptions, terminal: Terminal): Promise<RegisteredApp | undefined> {
  const { root, clock, requirements, appId, openLink } = options;
  const { output } = terminal;
  const file = path.join(root, '.env');
  if (!(await mayReplace(file, options, terminal))) return undefined;

  const registration = { ...options, clock, signal: terminal.cancellation.signal };
  const pending = await beginRegistration(registration);
  const scopes = requestedScopes(requirements);
  const link = createConfirmationLink(pending.link, { ...requirements, scopes }, appId);
  const request = describeRequest(requirements, scopes, appId).map((line) => formatLine(line, output));
  output.write(`${[...request, '', ...showLink(link, output), ''].join('\n')}\n`);
  openLink?.(link);

  const app = await waitForUser(pending, registration, terminal);
  if (appId !== undefined && app.appId !== appId) {
    throw new RegistrationError(
      'other_app',
      `The platform returned the credentials of ${app.appId}, not of ${appId}. .env is unchanged.`,
    );
  }
  await writeMissingEnvironmentFile(root);
  await changeEnvironmentFile(file, {
    FEISHU_APP_ID: app.appId,
    FEISHU_APP_SECRET: app.appSecret,
    FEISHU_DOMAIN: (options.platforms ?? PLATFORMS)[app.platform].domain,
  });
  const name = app.platform === 'lark' ? 'Lark' : 'Feishu';
  const done = [
    `✓ ${appId === undefined ? 'Created' : 'Extended'} the app ${app.appId} on ${name}`,
    '✓ Wrote FEISHU_APP_ID, FEISHU_APP_SECRET and FEISHU_DOMAIN to .env',
  ];
  for (const line of done) output.write(`${formatLine(line, output)}\n`);
  return app;
}

/**
 * Reads back what the platform granted.
 *
 * @returns whether nothing is known to be missing
 */
export async function reportGrants(app: RegisteredApp, options: SetupOptions, { output }: Terminal): Promise<boolean> {
  const { domain } = (options.platforms ?? PLATFORMS)[app.platform];
  const items = await readAppStatus(await PlatformApp.create({ ...app, domain }), options.requirements);
  for (const line of formatStatus(items)) output.write(`${formatLine(line, output)}\n`);
  const isReachable = items[0]?.status === 'ok';
  const missing = items.filter(({ status }) => status === 'missing');
  const isComplete = isReachable && missing.length === 0;
  if (isReachable && !isComplete) {
    const isWaiting = missing.every(({ remedy }) => remedy === 'administrator');
    const advice = isWaiting ? [WAITING_ADVICE] : GRANT_ADVICE;
    output.write(`\n${advice.map((line) => formatLine(line, output)).join('\n')}\n`);
  }
  return isComplete;
}

/** @throws {UsageError} if the credentials in `.env` would have no effect, or the user cannot be asked */
async function mayReplace(file: string, { appId, replaces }: SetupOptions, terminal: Terminal): Promise<boolean> {
  const { FEISHU_APP_ID: current, FEISHU_APP_TYPE: appType } = await readEnvironmentFile(file);
  if (appType === 'store') {
    throw new UsageError('FEISHU_APP_TYPE is store in .env, but this command creates a custom app. Remove the line.');
  }
  if (!current || current === appId || replaces) return true;
  if (!terminal.input.isTTY) {
    throw new UsageError(`.env contains the app ${current}. Not a terminal: pass --yes to replace it.`);
  }
  const question = `.env contains the app ${current}. Replace it?`;
  if (await askYesOrNo(question, false, terminal.input, terminal.output, terminal.cancellation)) return true;
  terminal.output.write(`Nothing was changed. To extend this app instead: npm run setup -- --app ${current}\n`);
  return false;
}

function describeRequest(requirements: Requirements, scopes: string[], appId: string | undefined): string[] {
  const { events, callbacks, eventsV1, unknown } = requirements;
  const list = (title: string, names: string[]) => (names.length === 0 ? [] : [`  ${title}${names.join(', ')}`]);
  return [
    `${appId === undefined ? 'A new app' : `The app ${appId}`} will be offered what functions/handlers needs:`,
    ...list('events     ', events),
    ...list('callbacks  ', callbacks),
    ...list('scopes     ', scopes),
    ...list('The platform offers v1.0 events only in the developer console: ', eventsV1),
    ...list('Check in the developer console which scopes these need: ', unknown),
  ];
}

function showLink(link: URL, output: NodeJS.WriteStream): string[] {
  if (!output.isTTY) return ['Open this link with Feishu or Lark:', link.href];
  const width = qrCodeWidth(link.href);
  if (width > output.columns) {
    return [
      formatLine(
        `Open this link with Feishu or Lark. A QR code needs ${width} columns, but the terminal has ${output.columns}:`,
        output,
      ),
      link.href,
    ];
  }
  const code = renderQrCode(link.href, output.hasColors());
  const size =
    code.length > output.rows ? ` The code needs ${code.length} rows, but the terminal has ${output.rows}.` : '';
  return [
    formatLine(`Scan the code with Feishu or Lark, or open the link.${size}`, output),
    '',
    ...code,
    '',
    link.href,
  ];
}

async function waitForUser(
  pending: PendingRegistration,
  registration: RegistrationOptions,
  { output }: Terminal,
): Promise<RegisteredApp> {
  const progress = createProgress(output);
  const note = (text: string) => {
    progress.end();
    output.write(`${formatLine(text, output)}\n`);
  };
  const showTime = () => {
    const seconds = Math.max(0, Math.round((pending.expiresAt - registration.clock.now()) / 1000));
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    progress.report(`Waiting for your confirmation: ${time} left. Ctrl+C cancels.`);
  };
  showTime();
  const countdown = setInterval(showTime, 1000);
  try {
    return await collectApp(pending, {
      ...registration,
      onLark: () => note('This is an account of Lark: continuing there.'),
      onRetry: (reason) => note(`${reason}. Trying again.`),
    });
  } finally {
    clearInterval(countdown);
    progress.end();
  }
}
