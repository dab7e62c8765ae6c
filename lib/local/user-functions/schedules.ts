import { randomUUID } from 'node:crypto';
import { isResolved } from '../../build/read-yaml.ts';
import { UsageError } from '../../cli/command-line.ts';

/** A `schedule` event of a function. */
export interface Schedule {
  /** `rate(6 hours)`, `cron(0 8 * * ? *)` or `at(2026-01-31T08:00:00)` */
  expressions: string[];
  isEnabled: boolean;
  /** Default: UTC. */
  timezone?: string;
  /** The AWS service that invokes the function. */
  method: 'eventBus' | 'scheduler';
  /** The event. Default: the one that the service sends. */
  input?: unknown;
  /** Settings that determine the event and are not applied locally. */
  ignored: string[];
}

/**
 * Reads the schedules of a function.
 *
 * @param events the function's `events`, as written
 * @see https://www.serverless.com/framework/docs/providers/aws/events/schedule
 */
export function readSchedules(events: unknown): Schedule[] {
  if (!Array.isArray(events)) return [];
  return events.flatMap((event) => {
    const schedule: unknown = event?.schedule;
    if (typeof schedule === 'string') {
      return [{ expressions: [schedule], isEnabled: true, method: 'eventBus' as const, ignored: [] }];
    }
    return typeof schedule === 'object' && schedule !== null ? [readObject(schedule as Record<string, unknown>)] : [];
  });
}

function readObject({ rate, enabled, timezone, method, input, inputPath, inputTransformer }: Record<string, unknown>) {
  const ignored = Object.entries({ inputPath, inputTransformer, ...(!isResolved(input) && { input }) })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  return {
    expressions: [rate].flat().map(String),
    isEnabled: enabled !== false,
    ...(timezone !== undefined && { timezone: String(timezone) }),
    method: method === 'scheduler' ? ('scheduler' as const) : ('eventBus' as const),
    ...(input !== undefined && isResolved(input) && { input }),
    ignored,
  };
}

/**
 * Returns the event that a schedule invokes its function with.
 *
 * @param name the function's name
 * @param region the AWS region in the event
 * @throws {UsageError} if the schedule's input is not valid JSON
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export function createScheduledEvent(
  { method, input }: Schedule,
  name: string,
  region = 'us-east-1',
  now = new Date(),
) {
  if (input !== undefined) return parseInput(input, name);
  const account = '000000000000';
  const isScheduler = method === 'scheduler';
  const resource = isScheduler ? `scheduler:${region}:${account}:schedule/default` : `events:${region}:${account}:rule`;
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: isScheduler ? 'aws.scheduler' : 'aws.events',
    account,
    time: now.toISOString().replace(/\.\d+/, ''),
    region,
    resources: [`arn:aws:${resource}/${name}`],
    // The scheduler sends text.
    detail: isScheduler ? '{}' : {},
  };
}

/** @param ignored {@link Schedule.ignored} */
export function ignoredSettingsNotice(ignored: readonly string[]): string {
  return `The schedule's ${ignored.join(' and ')} cannot be applied locally. To set the event: npm run invoke -- <function> --data <json>`;
}

/** Reads the input as the framework does, which parses the `body` of an object. */
function parseInput(input: unknown, name: string): unknown {
  const { body } = input as { body?: unknown };
  try {
    if (typeof input === 'string') return JSON.parse(input);
    return typeof body === 'string' ? { body: JSON.parse(body) } : input;
  } catch (cause) {
    throw new UsageError(`The input of the schedule of ${name} is not valid JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}
