import type { IncomingMessage } from 'node:http';
import type { SQSRecord } from 'aws-lambda';
import { UsageError } from '../../cli/command-line.ts';
import { createConcealer, hideTokens, restoreTokens } from '../../cli/hide-tokens.ts';
import { renewIds } from '../../cli/outgoing-event.ts';
import { readWebhookSecrets } from '../../config.ts';
import { FeishuError } from '../../feishu/errors.ts';
import type { MockPlatform } from '../../mock-platform/mock-platform.ts';
import type { Accepted } from '../../observability/diagnostics-channels.ts';
import { decodeMessage } from '../../queue/message.ts';
import { NestingError } from '../../util/exact-json.ts';
import type { HttpResponse } from '../../webhook/http.ts';
import type { EventLog } from '../event-log.ts';
import type { ObservedCall } from '../functions/observe-api-calls.ts';
import type { StreamingResponse } from '../http-server.ts';
import type { ScheduledFunctions } from '../user-functions/scheduled-functions.ts';
import { createChatRoutes } from './chat-routes.ts';
import { EventContents } from './event-contents.ts';
import { saveFixture } from './fixtures.ts';
import { rejectForeignRequests } from './guard.ts';
import { LiveRecords } from './live-records.ts';
import { listSamples, sendEvent, writeSample } from './outgoing.ts';
import { buildPage, PAGE_HTML, type PageFiles } from './page-files.ts';
import {
  BadRequest,
  readFixtureRequest,
  readRedriveRequest,
  readRetryRequest,
  readRunRequest,
  readSendRequest,
  requireShort,
} from './read-requests.ts';
import {
  type ApiCallDetails,
  type BuildFailure,
  type ChatMessage,
  type EventDetails,
  type EventRecord,
  type RedriveRequest,
  type RedriveResult,
  ROUTES,
  type SendRequest,
} from './wire.ts';

/** Matches the paths of the page and its routes. */
export const INSPECTOR_PATH = /^\/(_inspector\/.*)?$/;

export interface InspectorOptions {
  eventLog: Pick<EventLog, 'list' | 'find' | 'attemptsOf'>;
  /** The `FEISHU_…` variables, to sign requests with and to hide secrets. May change. */
  environment: Record<string, string>;
  /** The host the gateway listens on. */
  host: string;
  /** The project's root: stripped from paths in error stacks, and where fixtures are saved. */
  root: string;
  webhookUrl: () => string;
  /** The platform that handlers call; `undefined` if they call the real one. */
  mockPlatform: () => MockPlatform | undefined;
  scheduledFunctions: Pick<ScheduledFunctions, 'list' | 'run'>;
  redrive: (request: RedriveRequest, signal: AbortSignal) => Promise<RedriveResult>;
  /** @throws {BadRequest} if the event does not wait for an attempt */
  retryNow: (messageId: string) => Promise<void>;
}

/** Serves the page that shows events, and receives the events' updates. */
export interface Inspector {
  /** Returns an error response unless the request comes from a browser on this machine. */
  reject(request: IncomingMessage): HttpResponse | undefined;
  /** Hides the app's secrets in a response. */
  conceal(response: HttpResponse): HttpResponse;
  /** Handles a request to a path that matches {@link INSPECTOR_PATH} and was not rejected. */
  respond(request: IncomingMessage, body: Buffer): Promise<HttpResponse | StreamingResponse>;
  accepted(event: Accepted): void;
  delivered(record: SQSRecord): void;
  changed(record: EventRecord): void;
  /** @param failure `undefined` if the build succeeded */
  buildChanged(failure: BuildFailure | undefined): void;
  /** @param message a message on the mock platform that is new or has changed */
  messageChanged(message: ChatMessage): void;
  /** Adds an API call of a handler. */
  called(call: ObservedCall): void;
  /** Adds a line that a function logged. */
  line(text: string): void;
  /** Ends the live streams of all pages. */
  stop(): void;
}

/** Responds to the requests of one method and path. */
export type Route = (query: URLSearchParams, body: Buffer) => Promise<HttpResponse | StreamingResponse>;

const SECRETS = ['FEISHU_ENCRYPT_KEY', 'FEISHU_VERIFICATION_TOKEN', 'FEISHU_APP_SECRET'];

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

export function createInspector(options: InspectorOptions): Inspector {
  const { eventLog, environment, root } = options;
  const contents = new EventContents();
  const stopping = new AbortController();
  const secrets = new Set<string | undefined>();
  const conceal = (json: string) => {
    // Those before a change of .env stay hidden.
    for (const name of SECRETS) secrets.add(environment[name]);
    return createConcealer([...secrets])(json);
  };
  const live = new LiveRecords(conceal);
  let page: Promise<PageFiles> | undefined;
  const loadPage = () =>
    (page ??= buildPage().catch((error) => {
      page = undefined;
      throw error;
    }));

  const textOf = (messageId: string) => {
    const text = contents.textOf(messageId);
    if (text === undefined) throw new BadRequest('The content of this event is no longer available.');
    return text;
  };

  const detailsOf = (messageId: string): EventDetails => {
    const record = eventLog.find(messageId);
    if (record === undefined) throw new BadRequest('This event is no longer available.');
    const text = contents.textOf(messageId);
    const response = contents.responseOf(messageId);
    const lines = contents
      .linesOf(record)
      .map((line) => (line.stack === undefined ? line : { ...line, stack: shortenPaths(line.stack, root) }));
    return {
      record,
      ...(text !== undefined && { json: formatEvent(text) }),
      ...(response !== undefined && { response: formatEvent(response) }),
      lines,
      attempts: eventLog.attemptsOf(messageId),
      calls: contents.callsOf(record).map(hideCallTokens),
    };
  };

  const draft = async (query: URLSearchParams) => {
    const messageId = query.get('message');
    if (messageId !== null) return { text: hideTokens(renewIds(textOf(messageId))) };
    const type = requireShort('type', query.get('type') ?? '');
    const sample = await writeSample(type, query.get('variant') ?? undefined);
    // Nothing to hide: the Verification Token is added on sending.
    return { text: JSON.stringify(JSON.parse(sample), null, 2) };
  };

  const textToSend = async (request: SendRequest): Promise<string> => {
    if (request.kind === 'sample') return writeSample(request.type, request.variant);
    if (request.kind === 'again') return textOf(request.messageId);
    return restoreTokens(request.text, request.from === undefined ? '{}' : textOf(request.from));
  };

  const respondJson = (status: number, value: object) =>
    toResponse(status, 'application/json', conceal(JSON.stringify(value)));

  const routes: Record<string, Route> = {
    'GET /': async () => toResponse(200, 'text/html', PAGE_HTML),
    [`GET ${ROUTES.script}`]: async () => toResponse(200, 'text/javascript', (await loadPage()).script),
    [`GET ${ROUTES.style}`]: async () => toResponse(200, 'text/css', (await loadPage()).style),
    [`GET ${ROUTES.live}`]: async () => ({
      statusCode: 200,
      headers: { ...HEADERS, 'content-type': 'text/event-stream' },
      stream: live.open(eventLog.list()),
    }),
    [`GET ${ROUTES.event}`]: async (query) => respondJson(200, detailsOf(query.get('message') ?? '')),
    [`GET ${ROUTES.search}`]: async (query) => {
      const words = requireShort('words', query.get('words') ?? '');
      return respondJson(200, contents.search(words.split(/\s+/)));
    },
    [`GET ${ROUTES.draft}`]: async (query) => respondJson(200, await draft(query)),
    [`GET ${ROUTES.samples}`]: async () => respondJson(200, await listSamples()),
    [`POST ${ROUTES.send}`]: async (_, body) => {
      const text = await textToSend(readSendRequest(body));
      return respondJson(200, await sendEvent(text, readWebhookSecrets(environment), options.webhookUrl()));
    },
    [`POST ${ROUTES.redrive}`]: async (_, body) =>
      respondJson(200, await options.redrive(readRedriveRequest(body), stopping.signal)),
    [`POST ${ROUTES.retry}`]: async (_, body) => {
      await options.retryNow(readRetryRequest(body).messageId);
      return respondJson(200, {});
    },
    [`POST ${ROUTES.fixture}`]: async (_, body) => {
      const { messageId } = readFixtureRequest(body);
      return respondJson(200, await saveFixture(root, textOf(messageId), eventLog.find(messageId)?.receivedAt));
    },
    [`GET ${ROUTES.scheduled}`]: async () => respondJson(200, await options.scheduledFunctions.list()),
    [`POST ${ROUTES.run}`]: async (_, body) =>
      respondJson(200, await options.scheduledFunctions.run(readRunRequest(body))),
    ...createChatRoutes({ ...options, headers: HEADERS, respond: (value) => respondJson(200, value) }),
  };

  return {
    reject: (request) => rejectForeignRequests(request, options.host),
    conceal: (response) => ({ ...response, body: conceal(response.body) }),

    async respond(request, body) {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const route = routes[`${request.method} ${pathname}`];
      if (route === undefined) return respondJson(404, { message: 'Not Found' });
      if (stopping.signal.aborted) return respondJson(503, { message: 'npm start is shutting down.' });
      try {
        return await route(searchParams, body);
      } catch (error) {
        if (!isClientError(error)) throw error;
        return respondJson(400, { message: error.message });
      }
    },

    accepted({ messageId, text, response }) {
      contents.setText(messageId, text);
      if (response !== undefined) contents.setResponse(messageId, response);
      options.mockPlatform()?.receive(text);
    },
    delivered(record) {
      if (contents.textOf(record.messageId) === undefined) contents.setText(record.messageId, readText(record));
      options.mockPlatform()?.receive(contents.textOf(record.messageId) ?? '');
    },
    changed: (record) => live.change(record),
    buildChanged: (failure) => live.changeBuild(failure),
    messageChanged: (message) => live.changeMessage(message),
    called(call) {
      contents.addCall(call);
      // Shows the call on the page.
      const record = eventLog.list().findLast(({ id }) => id === call.eventId);
      if (record !== undefined) live.change(record);
    },
    line(text) {
      const messageId = contents.addLine(text);
      const record = messageId === undefined ? undefined : eventLog.find(messageId);
      if (record !== undefined) live.change(record);
    },
    stop() {
      stopping.abort();
      live.stop();
    },
  };
}

function toResponse(statusCode: number, contentType: string, body: string): HttpResponse {
  return { statusCode, headers: { ...HEADERS, 'content-type': `${contentType}; charset=utf-8` }, body };
}

/** Client errors get status 400 and their message. */
function isClientError(error: unknown): error is Error {
  return [BadRequest, FeishuError, NestingError, SyntaxError, TypeError, UsageError].some(
    (kind) => error instanceof kind,
  );
}

function readText(record: SQSRecord): string {
  try {
    return decodeMessage(record).text;
  } catch {
    return record.body;
  }
}

function hideCallTokens({ request, response, ...call }: ApiCallDetails): ApiCallDetails {
  return {
    ...call,
    ...(request !== undefined && { request: formatEvent(request) }),
    ...(response !== undefined && { response: formatEvent(response) }),
  };
}

/** Returns text that is not JSON unchanged. */
function formatEvent(text: string): string {
  try {
    return hideTokens(text);
  } catch (error) {
    return error instanceof SyntaxError ? text : '(nested too deeply to display)';
  }
}

/** Makes paths relative to the project, or to `node_modules`. */
function shortenPaths(stack: string, root: string): string {
  return stack
    .replaceAll('file://', '')
    .replaceAll(`${root}/`, '')
    .replaceAll(/\/[^\s()]*\/node_modules\//g, 'node_modules/');
}
