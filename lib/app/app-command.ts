import { readAppStatus, type StatusItem } from './app-status.ts';
import { formatStatus } from './format-status.ts';
import type { Keys } from './keys.ts';
import { type Change, type Plan, planChanges, type Target } from './plan.ts';
import type { AppConfiguration, PlatformApp } from './platform-app.ts';
import { PlatformError, UNVERIFIED_URL } from './platform-errors.ts';
import type { UnpublishedChanges } from './unpublished-changes.ts';

export interface AppCommandOptions {
  app: PlatformApp;
  target: Target;
  unpublished: UnpublishedChanges;
  /** How many long connections there should be at most. Default: not checked. */
  maximumConnections?: number;
  /** The command that applies the plan. */
  applyCommand: string;
  print(line: string): void;
}

export interface ApplyOptions extends AppCommandOptions {
  /** Asks whether to apply the plan that was printed. */
  confirm(): Promise<boolean>;
}

/** The platform's limit is 500 characters. */
const LONGEST_CHANGELOG_CHARACTERS = 500;

/**
 * Prints what the app lacks.
 *
 * @returns whether it lacks nothing
 * @throws {Error} if the platform does not respond, so that nothing can be compared
 */
export async function checkApp(options: AppCommandOptions): Promise<boolean> {
  const { applyCommand, print } = options;
  const items = await compareApp(options);
  const [first] = items;
  if (first?.part === 'credentials' && first.status === 'unknown') {
    throw new Error(`The app was not compared. ${first.description}`);
  }
  for (const line of formatStatus(items)) print(line);
  const missing = items.filter(({ status }) => status === 'missing');
  const isComplete = missing.length === 0;
  // An app in review cannot be changed.
  const isInReview = missing.some(({ part, remedy }) => part === 'version' && remedy === 'administrator');
  const canApply = !isInReview && missing.some(({ remedy }) => remedy === undefined);
  if (canApply && first?.status === 'ok') print(`To change the app: ${applyCommand}`);
  if (items.some(({ status }) => status === 'extra')) print(`To unsubscribe from the rest: ${applyCommand} --prune`);
  return isComplete;
}

/** Compares an app with its target, including changes that were interrupted. */
export async function compareApp({
  app,
  target,
  maximumConnections,
  unpublished,
}: Omit<AppCommandOptions, 'applyCommand' | 'print'>): Promise<StatusItem[]> {
  const items = await readAppStatus(app, target.requirements, {
    requestUrl: target.requestUrl,
    ...(maximumConnections !== undefined && { maximumConnections }),
  });
  if (items[0]?.status !== 'ok') return items;
  const missing = (part: StatusItem['part'], description: string) =>
    items.push({ status: 'missing', part, description, missing: [] });
  if (target.keys !== undefined && (await target.keys.isUnfinished())) {
    missing('keys', 'The change of the Encrypt Key and the Verification Token is not finished');
  } else if (target.keys !== undefined && (await hasOtherKeys(app, await target.keys.newest()))) {
    missing('keys', 'The app has another Encrypt Key or Verification Token than the webhook');
  }
  if (await unpublished.exist()) missing('version', 'The last changes are not published');
  return items;
}

/** @returns `false` also if the platform does not say */
async function hasOtherKeys(app: PlatformApp, { encryptKey, verificationToken }: Keys): Promise<boolean> {
  const configuration = await app.readConfiguration().catch((error) => {
    // Another item contains the error.
    if (error instanceof PlatformError) return undefined;
    throw error;
  });
  const reported = configuration?.encryption;
  if (reported === undefined || encryptKey === undefined || verificationToken === undefined) return false;
  return reported.encryptKey !== encryptKey || reported.verificationToken !== verificationToken;
}

/**
 * Prints the difference between the app and its target.
 *
 * @returns whether there is none
 * @throws {PlatformError} if the app cannot be read
 */
export async function printPlan(options: AppCommandOptions): Promise<boolean> {
  const plan = await readPlan(options);
  showPlan(plan, options.print);
  return isEmpty(plan);
}

/**
 * Prints the difference between the app and its target, asks, changes the app and publishes a version if needed. If a
 * change fails, those before it stay, and a further call continues with the rest.
 *
 * @returns whether the app is as wanted: `false` if the answer is no, or the version waits for an administrator
 * @throws {PlatformError} if the app cannot be read, or the platform rejects a change
 */
export async function applyPlan(options: ApplyOptions): Promise<boolean> {
  const { app, unpublished, print, confirm } = options;
  const configuration = await app.readConfiguration();
  if (configuration.versionInReview !== undefined) {
    print('A version of the app waits for an administrator. Until then, the platform accepts no changes.');
    return false;
  }
  const plan = await readPlan(options);
  showPlan(plan, print);
  if (isEmpty(plan)) return true;
  if (!(await confirm())) return false;
  let hasSentKeys = false;
  for (const change of plan.changes) {
    if (change.needsPublishing) await unpublished.remember();
    try {
      await makeChange(change, configuration, options);
    } catch (error) {
      // The platform may verify the URL with the keys of the published version, which the webhook need not accept.
      if (!hasSentKeys || !(error instanceof PlatformError) || error.code !== UNVERIFIED_URL) {
        for (const line of change.lines) print(`✗ ${nameOf(line)}`);
        throw error;
      }
      if (!(await publish(plan.changes, options))) return false;
      hasSentKeys = false;
      await unpublished.remember();
      await makeChange(change, configuration, options);
    }
    hasSentKeys ||= 'keys' in change.request && change.needsPublishing;
    for (const line of change.lines) print(`✓ ${nameOf(line)}`);
  }
  return plan.publishes ? publish(plan.changes, options) : true;
}

/** Names a change without the mark in its line of the plan. */
function nameOf(line: string): string {
  return line.replace(/^- /, '- removed ').slice(2);
}

async function makeChange(
  { request }: Change,
  configuration: AppConfiguration,
  { app, target }: AppCommandOptions,
): Promise<void> {
  if ('bot' in request) await app.enableBot();
  else if ('keys' in request) await target.keys?.take(request.keys, app, configuration);
  else await app.configure(request.configuration);
}

/** @returns whether the version is in use: `false` if it waits for an administrator */
async function publish(changes: Change[], { app, target, unpublished, print }: AppCommandOptions): Promise<boolean> {
  await app.publish(changelogOf(changes));
  await unpublished.forget();
  const { versionInReview } = await app.readConfiguration();
  await target.keys?.recordPublication(versionInReview);
  if (versionInReview === undefined) {
    print('✓ Published a version');
    return true;
  }
  print('The new version waits for an administrator: ask for approval in the admin console, then run the check.');
  return false;
}

async function readPlan({ app, target, unpublished }: AppCommandOptions): Promise<Plan> {
  const plan = await planChanges(app, target);
  return { ...plan, publishes: plan.publishes || (await unpublished.exist()) };
}

function showPlan({ changes, publishes, notes }: Plan, print: (line: string) => void): void {
  for (const note of notes) print(`? ${note}`);
  for (const line of changes.flatMap(({ lines }) => lines)) print(line);
  if (publishes) print('+ a published version');
  if (changes.length === 0 && !publishes) print('The app is configured as the handlers need it.');
}

function isEmpty({ changes, publishes }: Plan): boolean {
  return changes.length === 0 && !publishes;
}

function changelogOf(changes: Change[]): string {
  const text = changes.flatMap(({ lines }) => lines).join('; ');
  return text.slice(0, LONGEST_CHANGELOG_CHARACTERS) || 'Publish';
}
