import { PassThrough } from 'node:stream';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import { createInspector, type InspectorOptions } from '../../../lib/local/inspector/inspector.ts';
import {
  type BuildFailure,
  type ChatActionRequest,
  type ChatActionResult,
  type ChatMessage,
  type ChatMessageRequest,
  type ChatState,
  type EventRecord,
  type FailRequest,
  LIVE_EVENTS,
  ROUTES,
} from '../../../lib/local/inspector/wire.ts';

export interface PageServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/` */
  url: string;
  /** The requests of the page. */
  sent: ChatMessageRequest[];
  actions: ChatActionRequest[];
  failures: FailRequest[];
  /** Stores a new or changed message, and sends it to open pages. */
  change(message: ChatMessage): void;
  /** Sends a build failure to open pages. */
  failBuild(): void;
  /** Default: 200 without a toast. */
  respondWith(result: ChatActionResult): void;
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="120"><rect width="240" height="120" fill="#88a"/></svg>`;

/** Serves the inspector's page with the given conversations and events, without a stack. */
export async function startPageServer(state: ChatState, records: readonly EventRecord[] = []): Promise<PageServer> {
  const inspector = createInspector({
    eventLog: {
      list: () => records,
      find: (id: string) => records.find(({ messageId }) => messageId === id),
      attemptsOf: () => [{ startedAt: '2026-11-27T02:00:00.000Z', outcome: 'retrying', reason: 'Timeout' }],
    },
    environment: {},
    host: '127.0.0.1',
    root: '/',
    webhookUrl: () => '',
    mockPlatform: () => undefined,
    scheduledFunctions: { list: async () => [] },
  } as unknown as InspectorOptions);
  for (const { messageId, type, receivedAt } of records) {
    const response = JSON.stringify({ toast: { type: 'info', content: 'Done' }, card: { type: 'raw', data: {} } });
    const text = JSON.stringify({ header: { event_type: type }, event: { text: 'Hello', number: 1, flag: true } });
    inspector.accepted({ messageId, text, response, receivedAt } as unknown as Parameters<
      typeof inspector.accepted
    >[0]);
  }
  const messages = new Map(state.messages.map((message) => [message.messageId, message]));
  const streams = new Set<PassThrough>();
  const sent: ChatMessageRequest[] = [];
  const actions: ChatActionRequest[] = [];
  const failures: FailRequest[] = [];
  let result: ChatActionResult = { status: 200 };

  const change = (message: ChatMessage) => {
    messages.set(message.messageId, message);
    for (const stream of streams) stream.write(`event: ${LIVE_EVENTS.chat}\ndata: ${JSON.stringify(message)}\n\n`);
  };
  const receive = (request: ChatMessageRequest) => {
    sent.push(request);
    const { chatId, personId, messageType, text = '', parentId, file } = request;
    const contents = {
      text: { text },
      post: { content: [[{ tag: 'text', text }]] },
      image: { image_key: 'img_sent' },
      file: { file_key: 'file_sent', file_name: file?.name },
    };
    const messageId = `om_sent_${sent.length}`;
    const now = Date.now();
    change({
      ...{ messageId, chatId, senderId: personId, senderType: 'user', messageType, mentions: [], reactions: [] },
      ...{ content: JSON.stringify(contents[messageType]), createdAt: now, updatedAt: now },
      ...{ isEdited: false, isDeleted: false },
      ...(parentId !== undefined && { parentId }),
    });
    return { messageId, status: 200 };
  };
  const json = (value: object) => ({
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });

  const server = await startHttpServer('127.0.0.1', 0, async (request, body) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    switch (pathname) {
      case ROUTES.live: {
        const stream = new PassThrough();
        streams.add(stream);
        stream.on('close', () => streams.delete(stream));
        stream.write(`event: ${LIVE_EVENTS.start}\ndata:\n\ndata: ${JSON.stringify(records)}\n\n`);
        return { statusCode: 200, headers: { 'content-type': 'text/event-stream' }, stream };
      }
      case ROUTES.chat:
        return json({ ...state, messages: [...messages.values()] });
      case ROUTES.chatMessage:
        return json(receive(JSON.parse(body.toString())));
      case ROUTES.chatAction:
        actions.push(JSON.parse(body.toString()));
        return json(result);
      case ROUTES.fail: {
        const request = JSON.parse(body.toString());
        if (request.api === 'unknown') return { ...json({ message: 'There is no such API.' }), statusCode: 400 };
        failures.push(request);
        return json({});
      }
      case ROUTES.chatResource:
        return { statusCode: 200, headers: { 'content-type': 'image/svg+xml' }, body: PICTURE };
      default:
        return inspector.respond(request, body);
    }
  });
  return {
    url: `${server.origin}/`,
    sent,
    actions,
    failures,
    change,
    failBuild() {
      const error = {
        text: 'Expected ";"',
        file: 'functions/handlers/v2/a.ts',
        line: 1,
        column: 2,
        handlers: ['v2/a'],
      };
      const failure = { errors: [error], omitted: 1, keepsRunning: true } satisfies Partial<BuildFailure>;
      for (const stream of streams) stream.write(`event: ${LIVE_EVENTS.build}\ndata: ${JSON.stringify(failure)}\n\n`);
    },
    respondWith: (next) => {
      result = next;
    },
    async [Symbol.asyncDispose]() {
      inspector.stop();
      for (const stream of streams) stream.end();
      await server.stop();
    },
  };
}
