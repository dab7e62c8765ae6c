import { readAppStatus } from './app-status.ts';
import { formatItem } from './format-status.ts';
import { type Change, type Plan, planChanges, type Target } from './plan.ts';
import type { PlatformApp } from './platform-app.ts';
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
 */
export async function checkApp(options: AppCommandOptions): Promise<boolean> {
  const { app, target, maximumConnections, unpublished, applyCommand, print } = options;
  const items = await readAppStatus(app, target.requirements, {
    requestUrl: target.requestUrl,
    ...(maximumConnections !== undefined && { maximumConnections }),
  });
  for (const item of items) print(formatItem(item));
  const isUnpublished = await unpublished.exist();
  if (isUnpublished) print('✗ The last changes are not published');
  const isComplete = !isUnpublished && items.every(({ status }) => status !== 'missing');
  const isReachable = items.every(({ part, status }) => part !== 'credentials' || status === 'ok');
  if (!isComplete && isReachable) print(`To change the app: ${applyCommand}`);
  return isComplete;
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
  const { versionInReview } = await app.readConfiguration();
  if (versionInReview !== undefined) {
    print('A version of the app waits for an administrator. Until then, the platform accepts no changes.');
    return false;
  }
  const plan = await readPlan(options);
  showPlan(plan, print);
  if (isEmpty(plan)) return true;
  if (!(await confirm())) return false;
  for (const change of plan.changes) {
    if (change.needsPublishing) await unpublished.remember();
    if ('bot' in change.request) await app.enableBot();
    else await app.configure(change.request.configuration);
    for (const line of change.lines) print(`✓ ${line.slice(2)}`);
  }
  if (!plan.publishes) return true;
  await app.publish(changelogOf(plan.changes));
  await unpublished.forget();
  const { versionInReview: submitted } = await app.readConfiguration();
  if (submitted === undefined) {
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
