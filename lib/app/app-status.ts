import type { AppConfiguration, Delivery, PlatformApp } from './platform-app.ts';
import { HAS_NO_BOT, PlatformError } from './platform-errors.ts';
import { type Requirements, scopesToRequest } from './requirements.ts';

/** Whether one part of the app is as the handlers need it. */
export interface StatusItem {
  /** `unknown`: the platform does not say. `extra`: the app has more than the handlers need. */
  status: 'ok' | 'missing' | 'unknown' | 'extra';
  /** The part, as the steps in the console name it. */
  part: 'credentials' | 'bot' | 'scopes' | 'events' | 'callbacks' | 'delivery' | 'connections' | 'keys' | 'version';
  description: string;
  /** What is missing: names of scopes, events or callbacks. */
  missing: readonly string[];
  /** What changes it. Default: `app apply`. */
  remedy?: 'prune' | 'administrator' | 'stop-program' | 'credentials';
}

/** Where the events of an app should arrive. */
export interface Destination {
  /** The webhook's request URL. Without it, the app uses the long connection. */
  requestUrl: string | undefined;
  /** How many long connections there should be at most. Default: not checked. */
  maximumConnections?: number;
}

/**
 * Compares an app on the platform with what the handlers need.
 *
 * @param destination default: not checked
 * @returns only the item `credentials` if the credentials are wrong, or the platform does not respond (`unknown`)
 */
export async function readAppStatus(
  app: PlatformApp,
  requirements: Requirements,
  destination?: Destination,
): Promise<StatusItem[]> {
  const granted = await attempt(app.readScopes());
  // The first call also requests a token.
  if (granted instanceof PlatformError && isAboutCredentials(granted)) {
    const status = granted.code === undefined ? 'unknown' : 'missing';
    return [{ status, part: 'credentials', description: granted.message, missing: [], remedy: 'credentials' }];
  }
  const [bot, configuration] = await Promise.all([attempt(app.readBotName()), attempt(app.readConfiguration())]);
  return [
    { status: 'ok', part: 'credentials', description: 'The App ID and the App Secret are valid', missing: [] },
    describeBot(bot),
    describeScopes(granted, requirements),
    ...describeTypes('events', 'event', configuration, requirements.events, requirements.eventsV1),
    ...describeTypes('callbacks', 'callback', configuration, requirements.callbacks, []),
    ...(destination === undefined ? [] : describeDeliveries(configuration, requirements, destination)),
    ...(await describeConnections(app, destination?.maximumConnections)),
    describeVersion(configuration),
  ];
}

function describeBot(bot: string | undefined | PlatformError): StatusItem {
  const part = 'bot';
  if (!(bot instanceof PlatformError)) {
    return { status: 'ok', part, description: `The app is the bot ${bot ?? ''}`.trimEnd(), missing: [] };
  }
  if (bot.code === HAS_NO_BOT) return { status: 'missing', part, description: 'The app has no bot', missing: [] };
  return { status: 'unknown', part, description: bot.message, missing: [] };
}

function describeScopes(
  scopes: { granted: string[]; waiting: string[] } | PlatformError,
  requirements: Requirements,
): StatusItem {
  if (scopes instanceof PlatformError) {
    return { status: 'unknown', part: 'scopes', description: scopes.message, missing: [] };
  }
  const missing = scopesToRequest(requirements.scopes, scopes.granted);
  if (missing.length === 0) return { status: 'ok', part: 'scopes', description: 'All scopes are granted', missing };
  const waiting = missing.filter((scope) => scopes.waiting.includes(scope));
  const note = waiting.length === 0 ? '' : `; waiting for an administrator: ${waiting.join(', ')}`;
  return {
    status: 'missing',
    part: 'scopes',
    description: `Scopes not granted: ${missing.join(', ')}${note}`,
    missing,
    ...(waiting.length === missing.length && { remedy: 'administrator' }),
  };
}

function describeTypes(
  part: 'events' | 'callbacks',
  noun: string,
  configuration: AppConfiguration | PlatformError,
  needed: readonly string[],
  v1: readonly string[],
): StatusItem[] {
  const none = { status: 'ok', part, description: `No ${noun} is needed`, missing: [] } as const;
  if (configuration instanceof PlatformError) {
    return needed.length === 0 ? [none] : [{ ...none, status: 'unknown', description: configuration.message }];
  }
  const { types } = configuration[part];
  if (types === undefined) {
    const description = `The platform does not return the app's ${part}`;
    return needed.length === 0 ? [none] : [{ ...none, status: 'unknown', description }];
  }
  const missing = needed.filter((type) => !types.includes(type));
  const extra = types.filter((type) => !needed.includes(type) && !v1.includes(type));
  const main: StatusItem =
    missing.length > 0
      ? { status: 'missing', part, description: `Not subscribed: ${missing.join(', ')}`, missing }
      : { ...none, ...(needed.length > 0 && { description: `The app subscribes to ${needed.join(', ')}` }) };
  if (extra.length === 0) return [main];
  const description = `No handler needs the ${extra.length === 1 ? noun : part} ${extra.join(', ')}`;
  return [main, { status: 'extra', part, description, missing: [], remedy: 'prune' }];
}

function describeDeliveries(
  configuration: AppConfiguration | PlatformError,
  requirements: Requirements,
  { requestUrl }: Destination,
): StatusItem[] {
  // The items of the events and callbacks contain the error.
  if (configuration instanceof PlatformError) return [];
  const parts = (['events', 'callbacks'] as const).filter((part) => requirements[part].length > 0);
  return parts.map((part) => describeDelivery(part, configuration[part], requestUrl));
}

function describeDelivery(
  part: string,
  { mode, requestUrl: current }: Delivery,
  expected: string | undefined,
): StatusItem {
  const subject = part === 'events' ? 'Events' : 'Callbacks';
  const where = mode === 'webhook' ? `to ${current ?? 'no URL'}` : 'over the long connection';
  const wanted = expected === undefined ? 'over the long connection' : `to ${expected}`;
  const item = { part: 'delivery', missing: [] } as const;
  if (mode === undefined) {
    return { ...item, status: 'unknown', description: `The platform does not say where ${part} go` };
  }
  if (where === wanted) return { ...item, status: 'ok', description: `${subject} go ${where}` };
  return { ...item, status: 'missing', description: `${subject} go ${where}, not ${wanted}` };
}

async function describeConnections(app: PlatformApp, maximum: number | undefined): Promise<StatusItem[]> {
  if (maximum === undefined) return [];
  const count = await attempt(app.countConnections());
  const item = { part: 'connections', missing: [] } as const;
  if (count instanceof PlatformError) return [{ ...item, status: 'unknown', description: count.message }];
  if (count <= maximum) return [{ ...item, status: 'ok', description: `Open long connections: ${count}` }];
  const open = count === 1 ? '1 long connection is open' : `${count} long connections are open`;
  const description = `${open}, but the stack has ${maximum}: other programs with this app's credentials receive some of its events`;
  return [{ ...item, status: 'missing', description, remedy: 'stop-program' }];
}

function describeVersion(configuration: AppConfiguration | PlatformError): StatusItem {
  if (configuration instanceof PlatformError) {
    return { status: 'unknown', part: 'version', description: configuration.message, missing: [] };
  }
  const { publishedVersion, versionInReview } = configuration;
  if (versionInReview !== undefined) {
    const description = 'A version waits for an administrator';
    return { status: 'missing', part: 'version', description, missing: [], remedy: 'administrator' };
  }
  if (publishedVersion !== undefined) {
    return { status: 'ok', part: 'version', description: 'A version is published', missing: [] };
  }
  return { status: 'missing', part: 'version', description: 'No version is published', missing: [] };
}

/** Wrong credentials, or no response, make all further calls useless. */
function isAboutCredentials({ code }: PlatformError): boolean {
  return code === undefined || code === 10003 || code === 10014;
}

async function attempt<Result>(work: Promise<Result>): Promise<Result | PlatformError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
}
