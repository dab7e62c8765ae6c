import type { Failure } from '../../mock-platform/failures.ts';
import type { Chat, ChatMessage, Person } from '../../mock-platform/platform-state.ts';
import type { Attempt, EventRecord } from '../event-log.ts';
import type { ObservedCall } from '../functions/observe-api-calls.ts';

// Types of the requests and responses between the page and the local stack.

export type { ErrorCode } from '../../feishu/errors.ts';
export type { Chat, ChatMessage, Person } from '../../mock-platform/platform-state.ts';
export type { Attempt, EventRecord, EventStatus } from '../event-log.ts';
export type { BuildError, BuildFailure } from '../functions/build-report.ts';

/** A line that a handler or the template logged for an event. */
export interface LogLine {
  /** ISO 8601 */
  timestamp: string;
  level: string;
  message: string;
  /** The line's other fields, each as `name=value`. */
  details: string[];
  /** The stack of a logged error, with source file names and lines. */
  stack?: string;
}

/** A call of the platform's API by the event's handler. Tokens in the bodies are hidden. */
export type ApiCallDetails = Omit<ObservedCall, 'eventId'>;

export interface EventDetails {
  record: EventRecord;
  /** The decrypted event, indented, with its tokens hidden. Missing once it was evicted from memory. */
  json?: string;
  /** The response to a callback, indented, with its tokens hidden. */
  response?: string;
  lines: LogLine[];
  attempts: readonly Attempt[];
  /** The calls of the platform's API, oldest first. */
  calls: ApiCallDetails[];
}

/** An event type and the variants of its sample. */
export interface SampleChoice {
  type: string;
  variants: readonly string[];
}

/** The event to send. */
export type SendRequest =
  | { kind: 'sample'; type: string; variant?: string }
  /** Sends the same event again, with the same ids. */
  | { kind: 'again'; messageId: string }
  /** @property from message id of the event whose tokens replace those hidden in `text` */
  | { kind: 'text'; text: string; from?: string };

/** The webhook's response. */
export interface SendResult {
  status: number;
  body: string;
  milliseconds: number;
}

export interface RedriveRequest {
  /** Default: all dead letters. */
  messageId?: string;
}

/** Delivers an event now that waits for its next attempt. */
export interface RetryRequest {
  messageId: string;
}

/** Saves an event as a file for tests, with ids, names and texts replaced. */
export interface FixtureRequest {
  messageId: string;
}

export interface FixtureResult {
  /** Relative to the project. */
  file: string;
  /** Whether the file did not exist. */
  isNew: boolean;
}

export interface RedriveResult {
  moved: number;
  failed: number;
}

/** A function that the user added, with its schedules. */
export interface ScheduledFunction {
  name: string;
  schedules: { expressions: string[]; isEnabled: boolean; timezone?: string }[];
  isRunning: boolean;
  lastRun?: FunctionRun;
}

/** One run of a function. Either `result` or `error` is set. */
export interface FunctionRun {
  /** ISO 8601 */
  startedAt: string;
  milliseconds: number;
  /** JSON */
  result?: string;
  /** With the stack. */
  error?: string;
  /** The last lines that the function wrote. */
  output: string[];
}

/** Runs a function with the event of one of its schedules. */
export interface RunRequest {
  name: string;
  /** Index in {@link ScheduledFunction.schedules}. */
  schedule: number;
}

/** Everything that the chat view shows. Live `chat` events contain each message that changes later. */
export interface ChatState {
  chats: Chat[];
  people: Person[];
  bot: { openId: string; name: string };
  /** The newest ones, oldest first. */
  messages: ChatMessage[];
}

/** Sends a message as a person. */
export interface ChatMessageRequest {
  chatId: string;
  personId: string;
  messageType: 'text' | 'post' | 'image' | 'file';
  text?: string;
  mentionsBot?: boolean;
  /** The message to reply to. */
  parentId?: string;
  /** The picture or file. */
  file?: { name: string; base64: string };
}

export interface ChatMessageResult {
  messageId: string;
  /** The webhook's response to the event. */
  status: number;
}

/** Uses a control of a card as a person. */
export interface ChatActionRequest extends CardAction {
  messageId: string;
  personId: string;
}

/** What a control of a card sends. */
export interface CardAction {
  /** The control's kind, such as `button`. */
  tag: string;
  name?: string;
  value?: unknown;
  option?: string;
  options?: string[];
  formValue?: Record<string, unknown>;
  inputValue?: string;
  checked?: boolean;
  timezone?: string;
}

export interface ChatActionResult {
  /** The webhook's response to the callback. */
  status: number;
  toast?: { type: string; content: string };
}

/** Makes the next API calls to the mock platform fail. */
export type FailRequest = Pick<Failure, 'api' | 'code' | 'status' | 'times'>;

/** The named events of the live stream. Those without a name contain an array of records. */
export const LIVE_EVENTS = {
  /** Sent first: discard everything received on an earlier connection. */
  start: 'start',
  /** Contains a `BuildFailure`, or `null` once the build succeeds. */
  build: 'build',
  /** Contains a `ChatMessage` that is new or has changed. */
  chat: 'chat',
} as const;

export const ROUTES = {
  script: '/_inspector/page.js',
  style: '/_inspector/page.css',
  live: '/_inspector/live',
  /** `?message=<id>` */
  event: '/_inspector/event',
  /** `?words=<words>`. Returns the message ids of the events whose content contains all words. */
  search: '/_inspector/search',
  /** `?message=<id>` or `?type=<type>&variant=<name>`. Returns JSON to edit, with new ids. */
  draft: '/_inspector/draft',
  samples: '/_inspector/samples',
  send: '/_inspector/send',
  redrive: '/_inspector/redrive',
  retry: '/_inspector/retry',
  fixture: '/_inspector/fixture',
  /** Lists the functions with a schedule. */
  scheduled: '/_inspector/scheduled',
  run: '/_inspector/run',
  chat: '/_inspector/chat',
  chatMessage: '/_inspector/chat/message',
  chatAction: '/_inspector/chat/action',
  /** `?message=<id>&key=<key>`. Returns a picture or a file of a message. */
  chatResource: '/_inspector/chat/resource',
  /** Makes the next API calls fail that go to the mock platform. */
  fail: '/_inspector/fail',
} as const;
