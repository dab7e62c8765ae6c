import { Readable } from 'node:stream';
import { readWebhookSecrets } from '../../config.ts';
import { PlatformError } from '../../mock-platform/errors.ts';
import type { MockPlatform } from '../../mock-platform/mock-platform.ts';
import type { Resource } from '../../mock-platform/resources.ts';
import type { HttpResponse } from '../../webhook/http.ts';
import type { StreamingResponse } from '../http-server.ts';
import { applyCardResponse } from './card-response.ts';
import { actionEvent, messageEvent, storeMessage } from './chat-events.ts';
import { readActionRequest, readFailure, readMessageRequest } from './chat-requests.ts';
import type { InspectorOptions, Route } from './inspector.ts';
import { sendEvent } from './outgoing.ts';
import { BadRequest, requireShort } from './read-requests.ts';
import { type ChatMessageResult, type ChatState, ROUTES } from './wire.ts';

export interface ChatRouteOptions extends Pick<InspectorOptions, 'environment' | 'webhookUrl' | 'mockPlatform'> {
  headers: Record<string, string>;
  /** Creates a JSON response without secrets. */
  respond: (value: object) => HttpResponse;
}

const MAXIMUM_MESSAGES = 500;

/** Creates the routes of the chat view, which show and change what is on the mock platform. */
export function createChatRoutes({ environment, webhookUrl, headers, respond, ...options }: ChatRouteOptions) {
  const send = (event: string) => sendEvent(event, readWebhookSecrets(environment), webhookUrl());

  /** Creates a route. Errors of the platform are shown on the page. */
  const route =
    (
      work: (platform: MockPlatform, query: URLSearchParams, body: Buffer) => Promise<HttpResponse | StreamingResponse>,
    ): Route =>
    async (query, body) => {
      const platform = options.mockPlatform();
      if (platform === undefined) {
        throw new BadRequest('The chat is on the mock platform, which is not used because FEISHU_APP_ID is set.');
      }
      try {
        return await work(platform, query, body);
      } catch (error) {
        throw error instanceof PlatformError ? new BadRequest(error.message) : error;
      }
    };

  return {
    [`GET ${ROUTES.chat}`]: route(async ({ state }) => respond(stateOf(state))),

    [`POST ${ROUTES.chatMessage}`]: route(async (platform, _, body) => {
      const message = storeMessage(readMessageRequest(body), platform);
      const { status } = await send(messageEvent(message, platform));
      return respond({ messageId: message.messageId, status } satisfies ChatMessageResult);
    }),

    [`POST ${ROUTES.chatAction}`]: route(async (platform, _, body) => {
      const request = readActionRequest(body);
      const result = await send(actionEvent(request, platform));
      return respond(applyCardResponse(result, request.messageId, platform));
    }),

    [`GET ${ROUTES.chatResource}`]: route(async ({ state }, query) => {
      const key = requireShort('key', query.get('key') ?? '');
      const { content, card } = state.message(requireShort('message', query.get('message') ?? ''));
      // Cards contain pictures, too.
      const isPart = [content, JSON.stringify(card ?? {})].some((json) => json.includes(key));
      if (!isPart) throw new BadRequest('The message has no such picture or file.');
      return { statusCode: 200, ...fileResponse(state.resources.get(key), headers) };
    }),

    [`POST ${ROUTES.fail}`]: route(async (platform, _, body) => {
      platform.failNext(readFailure(body));
      return respond({});
    }),
  };
}

function stateOf(state: MockPlatform['state']): ChatState {
  const messages = state.messages().slice(-MAXIMUM_MESSAGES);
  return { chats: [...state.chats.values()], people: [...state.people.values()], bot: state.bot, messages };
}

/** The formats that browsers show without running scripts, by their first bytes. */
const IMAGE_TYPES: readonly (readonly [start: RegExp, type: string])[] = [
  [/^\x89PNG\r\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8/, 'image/gif'],
  [/^RIFF....WEBP/s, 'image/webp'],
];

/** Anything except pictures is downloaded, so that nothing in it runs with the rights of the page. */
function fileResponse({ name, content }: Resource, headers: Record<string, string>) {
  const start = content.toString('latin1', 0, 16);
  const imageType = IMAGE_TYPES.find(([pattern]) => pattern.test(start))?.[1];
  const disposition = imageType === undefined ? 'attachment' : 'inline';
  return {
    headers: {
      ...headers,
      'content-type': imageType ?? 'application/octet-stream',
      'content-disposition': `${disposition}; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}`,
    },
    stream: Readable.from([content]),
  };
}
