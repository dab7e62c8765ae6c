import { rateLimitSeconds } from '../api-client/rate-limits.ts';
import { createUuid } from '../api-client/uuid.ts';
import { runApproval } from '../approvals/run-approval.ts';
import { APPROVAL_TIME_LIMIT_MILLISECONDS } from '../approvals/time-limits.ts';
import { type EventEnvelope, type EventHeader, OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import { deduplicationKey } from '../feishu/event-identity.ts';
import {
  ApprovalError,
  type ApprovalHandler,
  type CallbackContext,
  type CallbackHandler,
  Continue,
  type Continued,
  type EventHandler,
  type EventSource,
} from '../handler.ts';
import type { EventMembers, ReceivedEvent } from '../handler-runtime/handler-input.ts';
import { failureResponse, runCallback } from '../intake/callbacks.ts';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from '../intake/time-limit.ts';
import type { CardKit } from '../mock-platform/card-kit.ts';
import type { StartedMockPlatform } from '../mock-platform/start-mock-platform.ts';
import type { StreamedReply } from '../reply-streams.ts';
import { STATE_STORE } from '../state/state-store.ts';
import { startDeadline } from '../util/deadline.ts';
import { runHandler } from '../worker/dispatch.ts';
import { createRunStreams, type RunStreams } from '../worker/reply-streams.ts';
import { MAXIMUM_DELIVERIES, retryDelaySeconds } from '../worker/retry.ts';
import { createLogCapture, type LogLine } from './captured-log.ts';
import { catchEscapedErrors } from './escaped-errors.ts';
import { createFakeClient, type FeishuCall, type FeishuStubs } from './fake-client.ts';
import { createMemoryState, type TestState } from './memory-state.ts';
import { createMemoryStreamStates } from './stream-states.ts';

export type { TestState };

/** The worker's timeout of 60 s, minus 2 s to report the batch. */
const HANDLE_WITHIN_MILLISECONDS = 58_000;

export interface RunOptions {
  /**
   * Overrides properties of the header; `fields` are added to the event's own. Defaults for a payload that does not
   * contain them: `{ id: 'test-event', tenant: 'test-tenant', app: 'cli_test' }`.
   */
  header?: Partial<EventHeader>;
  /** Default: `webhook`. */
  source?: EventSource;
  /** The handler's time limit in milliseconds. Default: 58,000 for events, 2,300 for callbacks. */
  withinMilliseconds?: number;
  /**
   * Stubs for methods of `feishu`. All other calls return `{ code: 0, msg: 'success', data: {} }`, or the response of
   * {@link mockPlatform}.
   */
  feishu?: FeishuStubs;
  /** Responds to the calls of `feishu` without a stub, and gets the messages of the event. */
  mockPlatform?: StartedMockPlatform;
}

export interface EventRunOptions extends RunOptions {
  /** The number of the attempt. Default: 1. From the fifth on, a failed event is dead. */
  attempt?: number;
  /** The state that the event continues with, which is copied as JSON. Default: it has not continued. */
  continued?: Continued;
  /** What `#feishu-events/state` has stored. `run` changes this object. Default: nothing. */
  state?: TestState;
}

export interface ApprovalRunOptions {
  /** The handler's time limit in milliseconds. Default: 2,300 for options, 9,000 for quick approvals. */
  withinMilliseconds?: number;
}

/** What the handler did. */
interface Recorded {
  /** The handler's log lines at all levels, in order. */
  log: LogLine[];
  /** The calls of `feishu`, in order. */
  calls: FeishuCall[];
  /** The results of `uuid(label)`, by label. They are the same for the same event. */
  uuids: Record<string, string>;
  /** What the cards of `message.reply.stream()` show in the end, in order. */
  streams: string[];
}

/** What the worker would have done with the event. */
export type EventResult = Recorded &
  (
    | { outcome: 'handled' }
    /** The handler threw a `Drop`: the event would not be retried. */
    | { outcome: 'dropped'; reason: string }
    /** The handler threw a `Continue`: the next invocation would get the state after these whole seconds. */
    | { outcome: 'continued'; state: unknown; afterSeconds: number }
    /** A rate limit of the platform failed a call: the event would be delivered again after these whole seconds. */
    | { outcome: 'limited'; error: unknown; afterSeconds: number }
    /** The delay is in whole seconds. Half of it is random, except for a `RetryAfter`. */
    | { outcome: 'retrying'; error: unknown; afterSeconds: { minimum: number; maximum: number } }
    /** The event would be in the dead-letter queue. */
    | { outcome: 'dead'; error: unknown }
  );

/** What the webhook would have responded. */
export type CallbackResult<Answer> = Recorded &
  (
    | { outcome: 'answered'; answer: Answer }
    /** The handler threw, timed out or returned a value that is not JSON. The answer is the error shown to the user. */
    | { outcome: 'failed'; answer: object; error: unknown }
  );

/** What the function for approvals would have responded. */
export type ApprovalResult = { log: LogLine[] } & (
  | {
      outcome: 'answered';
      /** The options in the platform's format, before their encryption. Empty for a quick approval. */
      answer: object;
    }
  /** The handler threw an `ApprovalError`, whose message the user would see. */
  | { outcome: 'rejected'; message: string }
  /** The handler threw something else, timed out, or returned a list of options that is invalid. */
  | { outcome: 'failed'; error: unknown }
);

/**
 * Runs an event handler as the worker does, with a client of the official SDK that uses no network.
 *
 * If a promise that the handler does not await is rejected while the handler runs, the event fails, as when deployed. If
 * it is rejected later, the test runner reports it.
 *
 * @param event the payload, or the JSON text of a complete event, for example a recorded one or one from `createSample`
 * @throws {TypeError} if the event's type is not the handler's, a stub does not match a method of the client, or the
 *   handler used a part of the client that does not exist
 * @throws {FeishuError} if the string is not an event
 */
export function run<Payload>(
  handler: EventHandler<Payload>,
  event: NoInfer<Payload> | string,
  options?: EventRunOptions,
): Promise<EventResult>;
/**
 * Runs a callback handler as the webhook does. The handler has `feishu` and `uuid` whether or not `extensions.yml` enables
 * them.
 */
export function run<Payload, Answer extends object>(
  handler: CallbackHandler<Payload, Answer>,
  event: NoInfer<Payload> | string,
  options?: RunOptions,
): Promise<CallbackResult<Answer>>;
/**
 * Runs the handler of a module in `functions/handlers/approvals`, for an authentic request.
 *
 * @param request the request without its token
 */
export function run<Request, Result>(
  handler: ApprovalHandler<Request, Result>,
  request: NoInfer<Request>,
  options?: ApprovalRunOptions,
): Promise<ApprovalResult>;
export async function run(
  handler: EventHandler | CallbackHandler | ApprovalHandler,
  event: unknown,
  options: EventRunOptions = {},
): Promise<EventResult | CallbackResult<object> | ApprovalResult> {
  if (handler.kind === 'approvals') {
    using _escapedErrors = catchEscapedErrors();
    return await runOneApproval(handler, event as object, options);
  }
  const text = typeof event === 'string' ? event : writeEvent(handler, event as object, options.header);
  const envelope = parseEvent(handler, text);
  const fields = { ...envelope.header.fields, ...options.header?.fields };
  Object.assign(envelope.header, options.header, { fields });
  using _escapedErrors = catchEscapedErrors();
  return await (handler.kind === 'callbacks'
    ? runOneCallback(handler, { envelope, text }, options)
    : runOneEvent(handler, { envelope, text }, options));
}

async function runOneEvent(
  handler: EventHandler,
  event: ReceivedEvent,
  { withinMilliseconds = HANDLE_WITHIN_MILLISECONDS, attempt = 1, continued, state = {}, ...options }: EventRunOptions,
): Promise<EventResult> {
  const members = { attempt, continued: copyAsJson(continued), [STATE_STORE]: createMemoryState(state) };
  return await withRecorder(event, withinMilliseconds, options, async (context) => {
    try {
      const drop = await runHandler(handler, event, { ...context, ...members });
      return drop === undefined
        ? ({ outcome: 'handled' } as const)
        : ({ outcome: 'dropped', reason: drop.message } as const);
    } catch (error) {
      if (error instanceof Continue) {
        const { stateJson, afterSeconds } = error;
        return { outcome: 'continued', state: JSON.parse(stateJson), afterSeconds } as const;
      }
      const limited = rateLimitSeconds(error);
      if (limited !== undefined) return { outcome: 'limited', error, afterSeconds: limited } as const;
      if (attempt >= MAXIMUM_DELIVERIES) return { outcome: 'dead', error } as const;
      const afterSeconds = {
        minimum: retryDelaySeconds(error, attempt, 0),
        maximum: retryDelaySeconds(error, attempt, 1),
      };
      return { outcome: 'retrying', error, afterSeconds } as const;
    }
  });
}

function copyAsJson(continued: Continued | undefined): Continued | undefined {
  return continued && { state: JSON.parse(new Continue(continued.state).stateJson), count: continued.count };
}

async function runOneCallback(
  handler: CallbackHandler,
  callback: ReceivedEvent,
  { withinMilliseconds = RESPONSE_TIME_LIMIT_MILLISECONDS, ...options }: RunOptions,
): Promise<CallbackResult<object>> {
  return await withRecorder(callback, withinMilliseconds, options, async ({ streams: _, ...context }) => {
    try {
      return { outcome: 'answered', answer: await runCallback(handler, callback, context) } as const;
    } catch (error) {
      return { outcome: 'failed', answer: failureResponse(handler.type), error } as const;
    }
  });
}

/**
 * Runs a handler with a context that records what the handler does.
 *
 * @throws {TypeError} if a stub does not match a method of the client, or the handler used a part of the client that does
 *   not exist
 */
async function withRecorder<Result extends object>(
  { envelope, text }: ReceivedEvent,
  withinMilliseconds: number,
  { source = 'webhook', feishu = {}, mockPlatform }: Pick<RunOptions, 'source' | 'feishu' | 'mockPlatform'>,
  work: (context: Omit<CallbackContext, EventMembers> & { streams: RunStreams }) => Promise<Result>,
): Promise<Result & Recorded> {
  using deadline = startDeadline(withinMilliseconds);
  const { log, lines } = createLogCapture();
  const { client, calls, mistakes, cards } = createFakeClient(feishu, mockPlatform);
  mockPlatform?.platform.receive(text);
  const uuids: Record<string, string> = {};
  const key = deduplicationKey(envelope, text);
  const createId = createUuid(key);
  const states = createMemoryStreamStates();
  const uuid = (label: string) => {
    uuids[label] = createId(label);
    return uuids[label];
  };
  const streams = createRunStreams(states, key);
  const result = await work({ source, log, signal: deadline.signal, feishu: client, uuid, streams });
  const [mistake] = mistakes;
  // Thrown again, because the handler may have caught it.
  if (mistake !== undefined) throw mistake;
  const replies = Object.values(states.of(key)?.replies ?? {});
  return { ...result, log: lines, calls, uuids, streams: replies.map((reply) => shownText(reply, cards)) };
}

function shownText({ parts }: StreamedReply, cards: CardKit): string {
  const elements = parts.flatMap(({ cardId = '' }) => {
    const { body } = (cards.card(cardId)?.json ?? {}) as { body?: { elements: { content: string }[] } };
    return body?.elements ?? [];
  });
  return elements.map(({ content }) => content).join('\n\n');
}

async function runOneApproval(
  handler: ApprovalHandler,
  request: object,
  { withinMilliseconds = APPROVAL_TIME_LIMIT_MILLISECONDS[handler.type] }: ApprovalRunOptions,
): Promise<ApprovalResult> {
  using deadline = startDeadline(withinMilliseconds);
  const { log, lines } = createLogCapture();
  try {
    const answer = await runApproval(handler, JSON.stringify(request), { log, signal: deadline.signal });
    return { outcome: 'answered', answer, log: lines };
  } catch (error) {
    if (error instanceof ApprovalError) return { outcome: 'rejected', message: error.message, log: lines };
    return { outcome: 'failed', error, log: lines };
  }
}

function parseEvent({ kind, type }: EventHandler | CallbackHandler, text: string): EventEnvelope {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new TypeError('A URL verification does not reach a handler');
  if (kind !== 'fallback' && envelope.header.type !== type) {
    throw new TypeError(`The handler is for ${type}, but the event's type is ${envelope.header.type}`);
  }
  return envelope;
}

/** Writes a payload as the platform sends it. */
function writeEvent(
  { kind, type: handlerType }: EventHandler | CallbackHandler,
  event: object,
  {
    id = 'test-event',
    type = handlerType,
    tenant = 'test-tenant',
    app = 'cli_test',
    fields,
  }: Partial<EventHeader> = {},
): string {
  if (type === OLD_CARD_TYPE) return JSON.stringify(event);
  if (kind === 'v1') {
    return JSON.stringify({ ...fields, uuid: id, event: { type, tenant_key: tenant, app_id: app, ...event } });
  }
  const header = { ...fields, event_id: id, event_type: type, tenant_key: tenant, app_id: app };
  return JSON.stringify({ schema: '2.0', header, event });
}
