import type { IncomingMessage } from 'node:http';
import type { SQSRecord } from 'aws-lambda';
import { UsageError } from '../../cli/command-line.ts';
import { createConcealer, hideTokens, restoreTokens } from '../../cli/hide-tokens.ts';
import { renewIds } from '../../cli/outgoing-event.ts';
import { readWebhookSecrets } from '../../config.ts';
import { FeishuError } from '../../feishu/errors.ts';
import type { Accepted } from '../../observability/diagnostics-channels.ts';
import { decodeMessage } from '../../queue/message.ts';
import { NestingError } from '../../util/exact-json.ts';
import type { HttpResponse } from '../../webhook/http.ts';
import type { EventLog } from '../event-log.ts';
import type { StreamingResponse } from '../http-server.ts';
import { EventContents } from './event-contents.ts';
import { rejectForeignRequests } from './guard.ts';
import { LiveRecords } from './live-records.ts';
import { BadRequest, readRedriveOrder, readSendOrder, requireShort } from './orders.ts';
import { listSamples, sendEvent, writeSample } from './outgoing.ts';
import { buildPage, PAGE_HTML, type PageFiles } from './page-files.ts';
import {
  type EventDetails,
  type EventRecord,
  type RedriveOrder,
  type RedriveReport,
  ROUTES,
  type SendOrder,
} from './wire.ts';

/** The paths of the page and its routes. */
export const INSPECTOR_PATH = /^\/(_inspector\/.*)?$/;

export interface InspectorOptions {
  eventLog: Pick<EventLog, 'list' | 'find'>;
  /** `FEISHU_…`, to sign with and to keep out of sight. */
  environment: Record<string, string>;
  /** What the gateway listens on. */
  host: string;
  /** The root of the project, which error stacks are shown without. */
  root: string;
  webhookUrl: () => string;
  redrive: (order: RedriveOrder, signal: AbortSignal) => Promise<RedriveReport>;
}

/** The page that shows what becomes of events, and what it needs to be told. */
export interface Inspector {
  /** @returns the refusal of a request that does not come from a person at this machine */
  refuse(request: IncomingMessage): HttpResponse | undefined;
  /** Hides the app's secrets in what is answered elsewhere. */
  conceal(response: HttpResponse): HttpResponse;
  /** Answers a request to a path that {@link INSPECTOR_PATH} matches, and that is not refused. */
  answer(request: IncomingMessage, body: Buffer): Promise<HttpResponse | StreamingResponse>;
  accepted(event: Accepted): void;
  delivered(record: SQSRecord): void;
  changed(record: EventRecord): void;
  /** Takes a line that a function wrote. */
  line(text: string): void;
  /** Ends what pages listen to. */
  stop(): void;
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
  const conceal = createConcealer([
    environment.FEISHU_ENCRYPT_KEY,
    environment.FEISHU_VERIFICATION_TOKEN,
    environment.FEISHU_APP_SECRET,
  ]);
  const live = new LiveRecords(conceal);
  let page: Promise<PageFiles> | undefined;
  const openPage = () =>
    (page ??= buildPage().catch((error) => {
      page = undefined;
      throw error;
    }));

  const textOf = (messageId: string) => {
    const text = contents.textOf(messageId);
    if (text === undefined) throw new BadRequest('The content of this event is no longer kept.');
    return text;
  };

  const detailsOf = (messageId: string): EventDetails => {
    const record = eventLog.find(messageId);
    if (record === undefined) throw new BadRequest('This event is no longer kept.');
    const text = contents.textOf(messageId);
    const lines = contents
      .linesOf(record)
      .map((line) => (line.stack === undefined ? line : { ...line, stack: shorten(line.stack, root) }));
    return { record, ...(text !== undefined && { json: show(text) }), lines };
  };

  const draft = async (query: URLSearchParams) => {
    const messageId = query.get('message');
    if (messageId !== null) return { text: hideTokens(renewIds(textOf(messageId))) };
    const type = requireShort('type', query.get('type') ?? '');
    const sample = await writeSample(type, query.get('variant') ?? undefined);
    // There is nothing to hide in it: the Verification Token is put in when it is sent.
    return { text: JSON.stringify(JSON.parse(sample), null, 2) };
  };

  const textToSend = async (order: SendOrder): Promise<string> => {
    if (order.kind === 'sample') return writeSample(order.type, order.variant);
    if (order.kind === 'again') return textOf(order.messageId);
    return restoreTokens(order.text, order.from === undefined ? '{}' : textOf(order.from));
  };

  const routes: Record<string, (query: URLSearchParams, body: Buffer) => Promise<HttpResponse | StreamingResponse>> = {
    'GET /': async () => respond(200, 'text/html', PAGE_HTML),
    [`GET ${ROUTES.script}`]: async () => respond(200, 'text/javascript', (await openPage()).script),
    [`GET ${ROUTES.style}`]: async () => respond(200, 'text/css', (await openPage()).style),
    [`GET ${ROUTES.live}`]: async () => ({
      statusCode: 200,
      headers: { ...HEADERS, 'content-type': 'text/event-stream' },
      stream: live.open(eventLog.list()),
    }),
    [`GET ${ROUTES.event}`]: async (query) => respondJson(200, detailsOf(query.get('message') ?? '')),
    [`GET ${ROUTES.draft}`]: async (query) => respondJson(200, await draft(query)),
    [`GET ${ROUTES.samples}`]: async () => respondJson(200, await listSamples()),
    [`POST ${ROUTES.send}`]: async (_, body) => {
      const text = await textToSend(readSendOrder(body));
      return respondJson(200, await sendEvent(text, readWebhookSecrets(environment), options.webhookUrl()));
    },
    [`POST ${ROUTES.redrive}`]: async (_, body) =>
      respondJson(200, await options.redrive(readRedriveOrder(body), stopping.signal)),
  };

  const respondJson = (status: number, value: object) =>
    respond(status, 'application/json', conceal(JSON.stringify(value)));

  return {
    refuse: (request) => rejectForeignRequests(request, options.host),
    conceal: (response) => ({ ...response, body: conceal(response.body) }),

    async answer(request, body) {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const route = routes[`${request.method} ${pathname}`];
      if (route === undefined) return respondJson(404, { message: 'Not Found' });
      if (stopping.signal.aborted) return respondJson(503, { message: 'npm start is ending.' });
      try {
        return await route(searchParams, body);
      } catch (error) {
        if (!isMistake(error)) throw error;
        return respondJson(400, { message: error.message });
      }
    },

    accepted: ({ messageId, text }) => contents.setText(messageId, text),
    delivered(record) {
      if (contents.textOf(record.messageId) === undefined) contents.setText(record.messageId, readText(record));
    },
    changed: (record) => live.change(record),
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

function respond(statusCode: number, contentType: string, body: string): HttpResponse {
  return { statusCode, headers: { ...HEADERS, 'content-type': `${contentType}; charset=utf-8` }, body };
}

/** Of whoever asked, who is told. */
function isMistake(error: unknown): error is Error {
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

/** What is no JSON is no event either, and shown as it is. */
function show(text: string): string {
  try {
    return hideTokens(text);
  } catch (error) {
    return error instanceof SyntaxError ? text : '(nested too deeply to be shown)';
  }
}

/** The project's own files by their names in it, and packages by theirs. */
function shorten(stack: string, root: string): string {
  return stack
    .replaceAll('file://', '')
    .replaceAll(`${root}/`, '')
    .replaceAll(/\/[^\s()]*\/node_modules\//g, 'node_modules/');
}
