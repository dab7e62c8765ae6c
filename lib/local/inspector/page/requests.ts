import {
  type ChatActionRequest,
  type ChatActionResult,
  type ChatMessageRequest,
  type ChatMessageResult,
  type ChatState,
  type EventDetails,
  type FailRequest,
  type FixtureResult,
  type FunctionRun,
  type RedriveRequest,
  type RedriveResult,
  type RetryRequest,
  ROUTES,
  type RunRequest,
  type SampleChoice,
  type ScheduledFunction,
  type SendRequest,
  type SendResult,
} from '../wire.ts';
import { messages } from './messages.ts';

// Requests to the local stack. Their errors have messages to show to the user.

export const fetchDetails = (messageId: string) => get<EventDetails>(ROUTES.event, { message: messageId });
export const searchContents = (words: string) => get<string[]>(ROUTES.search, { words });
export const fetchSamples = () => get<SampleChoice[]>(ROUTES.samples, {});
export const send = (request: SendRequest) => post<SendResult>(ROUTES.send, request);
export const redrive = (request: RedriveRequest) => post<RedriveResult>(ROUTES.redrive, request);
export const retryNow = (request: RetryRequest) => post<object>(ROUTES.retry, request);
export const saveFixture = (messageId: string) => post<FixtureResult>(ROUTES.fixture, { messageId });
export const failCalls = (request: FailRequest) => post<object>(ROUTES.fail, request);
export const fetchScheduledFunctions = () => get<ScheduledFunction[]>(ROUTES.scheduled, {});
export const runFunction = (request: RunRequest) => post<FunctionRun>(ROUTES.run, request);
export const fetchChat = () => get<ChatState>(ROUTES.chat, {});
export const sendMessage = (request: ChatMessageRequest) => post<ChatMessageResult>(ROUTES.chatMessage, request);
export const sendAction = (request: ChatActionRequest) => post<ChatActionResult>(ROUTES.chatAction, request);

/** The address of a picture or a file of a message. */
export const resourceUrl = (message: string, key: string) =>
  `${ROUTES.chatResource}?${new URLSearchParams({ message, key })}`;

/** @param source the event or sample to edit */
export const fetchDraft = (source: { message: string } | { type: string; variant?: string }) =>
  get<{ text: string }>(ROUTES.draft, source);

async function get<Result>(route: string, query: Record<string, string>): Promise<Result> {
  return request(`${route}?${new URLSearchParams(query)}`);
}

async function post<Result>(route: string, body: object): Promise<Result> {
  const headers = { 'content-type': 'application/json' };
  return request(route, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function request<Result>(url: string, options: RequestInit = {}): Promise<Result> {
  const response = await fetch(url, options).catch((cause) => {
    throw new Error(messages.unreachable, { cause });
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body;
}
