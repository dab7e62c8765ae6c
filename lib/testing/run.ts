import { type EventEnvelope, type EventHeader, OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import { deduplicationKey } from '../feishu/event-identity.ts';
import type { CallbackContext, CallbackHandler, EventHandler, EventSource } from '../handler.ts';
import { failureResponse, runCallback } from '../intake/callbacks.ts';
import { CALLBACK_DEADLINE_MILLISECONDS } from '../intake/intake.ts';
import { startDeadline } from '../util/deadline.ts';
import { createUuid, runHandler } from '../worker/dispatch.ts';
import { MAXIMUM_DELIVERIES, retryDelaySeconds } from '../worker/retry.ts';
import { createLogCapture, type LogLine } from './captured-log.ts';
import { catchEscapedErrors } from './escaped-errors.ts';
import { createFakeClient, type FeishuCall, type FeishuStubs } from './fake-client.ts';

/** What the deployed worker has, less what it needs to report a batch. */
const HANDLE_WITHIN_MILLISECONDS = 58_000;

export interface RunOptions {
  /** Instead of the event's own, or of `{ id: 'test-event', tenant: 'test-tenant', app: 'cli_test' }`. */
  header?: Partial<EventHeader>;
  /** `webhook` unless told. */
  source?: EventSource;
  /** The time after which the handler is late: unless told 58 s, and 2.3 s for a callback. */
  withinMilliseconds?: number;
}

export interface EventRunOptions extends RunOptions {
  /** How often the queue has delivered the event, from 1, which it is unless told. After the fifth it is given up. */
  attempt?: number;
  /** What calls of `feishu` return. All others return `{ code: 0, msg: 'success', data: {} }`. */
  feishu?: FeishuStubs;
}

/** The log's lines at all levels, in their order. */
interface Logged {
  log: LogLine[];
}

/** What would have become of the event. */
export type EventResult = Logged & {
  /** The calls of `feishu`, in their order. */
  calls: FeishuCall[];
  /** What `uuid(label)` has given, by label: the same for the same event. */
  uuids: Record<string, string>;
} & (
    | { outcome: 'handled' }
    /** By a `Drop`: it would not have been tried again. */
    | { outcome: 'dropped'; reason: string }
    /** Half of the delay is chance, but for a `RetryAfter`. In whole seconds. */
    | { outcome: 'retrying'; error: unknown; afterSeconds: { minimum: number; maximum: number } }
    /** It would be in the dead-letter queue. */
    | { outcome: 'dead'; error: unknown }
  );

/** What the platform would have been answered. */
export type CallbackResult<Answer> = Logged &
  (
    | { outcome: 'answered'; answer: Answer }
    /** The handler threw, was late, or returned what is no JSON: the answer is the error that the person sees. */
    | { outcome: 'failed'; answer: object; error: unknown }
  );

/**
 * Runs an event's handler as the worker does, with the official SDK's client on no network.
 *
 * A promise that the handler leaves and that is rejected while it runs fails the event, as it does when deployed. If it
 * is rejected later, the test runner reports it.
 *
 * @param event the payload, or as a string the JSON of a whole event: a recorded one, or what `createSample` makes
 * @throws {TypeError} when the event is not of the handler's type, a stub is at no method of the client, or the handler
 *   has used something of the client that there is not
 * @throws {FeishuError} when the string is no event
 */
export function run<Payload>(
  handler: EventHandler<Payload>,
  event: NoInfer<Payload> | string,
  options?: EventRunOptions,
): Promise<EventResult>;
/** Runs a callback's handler as the webhook does. */
export function run<Payload, Answer extends object>(
  handler: CallbackHandler<Payload, Answer>,
  event: NoInfer<Payload> | string,
  options?: RunOptions,
): Promise<CallbackResult<Answer>>;
export async function run(
  handler: EventHandler | CallbackHandler,
  event: unknown,
  options: EventRunOptions = {},
): Promise<EventResult | CallbackResult<object>> {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  const envelope = typeof event === 'string' ? parseEvent(handler, text) : envelopeOf(handler, JSON.parse(text));
  Object.assign(envelope.header, options.header);
  using _escapedErrors = catchEscapedErrors();
  return await (handler.kind === 'callbacks'
    ? runOneCallback(handler, envelope, options)
    : runOneEvent(handler, envelope, text, options));
}

async function runOneEvent(
  handler: EventHandler,
  envelope: EventEnvelope,
  text: string,
  { source = 'webhook', withinMilliseconds = HANDLE_WITHIN_MILLISECONDS, attempt = 1, feishu = {} }: EventRunOptions,
): Promise<EventResult> {
  using deadline = startDeadline(withinMilliseconds);
  const { log, lines } = createLogCapture();
  const { client, calls, mistakes } = createFakeClient(feishu);
  const uuids: Record<string, string> = {};
  const createId = createUuid(deduplicationKey(envelope, text));
  const settle = async () => {
    try {
      const drop = await runHandler(handler, envelope, {
        header: envelope.header,
        source,
        attempt,
        log,
        signal: deadline.signal,
        feishu: client,
        uuid(label) {
          uuids[label] = createId(label);
          return uuids[label];
        },
      });
      return drop === undefined
        ? ({ outcome: 'handled' } as const)
        : ({ outcome: 'dropped', reason: drop.message } as const);
    } catch (error) {
      if (attempt >= MAXIMUM_DELIVERIES) return { outcome: 'dead', error } as const;
      const afterSeconds = {
        minimum: retryDelaySeconds(error, attempt, 0),
        maximum: retryDelaySeconds(error, attempt, 1),
      };
      return { outcome: 'retrying', error, afterSeconds } as const;
    }
  };
  const settlement = await settle();
  const [mistake] = mistakes;
  // Thrown here, too, since the handler may have caught it.
  if (mistake !== undefined) throw mistake;
  return { ...settlement, log: lines, calls, uuids };
}

async function runOneCallback(
  handler: CallbackHandler,
  envelope: EventEnvelope,
  { source = 'webhook', withinMilliseconds = CALLBACK_DEADLINE_MILLISECONDS }: RunOptions,
): Promise<CallbackResult<object>> {
  using deadline = startDeadline(withinMilliseconds);
  const { log, lines } = createLogCapture();
  const context: CallbackContext = { header: envelope.header, source, log, signal: deadline.signal };
  try {
    return { outcome: 'answered', answer: await runCallback(handler, envelope, context), log: lines };
  } catch (error) {
    return { outcome: 'failed', answer: failureResponse(handler.type), error, log: lines };
  }
}

function parseEvent({ kind, type }: EventHandler | CallbackHandler, text: string): EventEnvelope {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new TypeError('A URL verification reaches no handler');
  if (kind !== 'fallback' && envelope.header.type !== type) {
    throw new TypeError(`The handler is for ${type}, but the event is ${envelope.header.type}`);
  }
  return envelope;
}

function envelopeOf({ kind, type }: EventHandler | CallbackHandler, event: EventEnvelope['event']): EventEnvelope {
  return {
    kind: kind === 'callbacks' ? 'callback' : 'event',
    header: {
      id: 'test-event',
      type,
      version: kind === 'v1' || type === OLD_CARD_TYPE ? '1.0' : '2.0',
      tenant: 'test-tenant',
      app: 'cli_test',
      created: undefined,
    },
    token: undefined,
    event,
  };
}
