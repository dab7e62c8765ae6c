import { isObject } from '../feishu/envelope.ts';
import type { EventContext } from '../handler.ts';
import type { StreamedPart, StreamRun } from '../reply-streams.ts';
import { callApi, FeishuApiError } from './api-error.ts';

type Feishu = EventContext['feishu'];

/** The content of a message, as the API takes it. */
export interface MessageContent {
  type: 'interactive' | 'post';
  /** JSON */
  content: string;
}

/** The messages that show an answer while it is written. */
export interface StreamMessages {
  /** For the text of one message, as JSON in UTF-8. */
  readonly maximumBytes: number;
  /** Creates what is stored of a message before it is sent. */
  create(): Promise<StreamedPart>;
  contentOf(part: StreamedPart, text: string): MessageContent;
  /** Whether a message that is sent shows the text at once. */
  readonly showsWhenSent: boolean;
  /**
   * Replaces the text of a message.
   *
   * @throws {FeishuApiError} if the platform rejects it
   */
  update(part: StreamedPart, text: string): Promise<void>;
  /** Marks the text of a message as complete. */
  close(part: StreamedPart, text: string): Promise<void>;
  /** @param updates how many updates this run has made */
  acceptsUpdate(updates: number): boolean;
  /**
   * Returns the time before the next update.
   *
   * @param updates how many updates this run has made
   * @returns milliseconds
   */
  pauseAfter(updates: number): number;
}

/** The id of the element that shows the text. */
const TEXT_ID = 'text';
/** The platform accepts 30 KB, which include the rest of the card. */
const MAXIMUM_CARD_TEXT_BYTES = 27_000;
/** The platform accepts 10 operations per second, and the client animates what is between two updates. */
const CARD_PAUSE_MILLISECONDS = 400;
const OPERATION_ATTEMPTS = 3;

/** `sequence` was used, for example by a request whose response was lost. */
const SEQUENCE_USED: ReadonlySet<number> = new Set([300317, 200770]);
/** Streaming ends 10 minutes after it was enabled. */
const STREAMING_ENDED: ReadonlySet<number> = new Set([200850, 300309]);

/**
 * Shows the answer in cards that are updated as a stream.
 *
 * @see https://open.feishu.cn/document/cardkit-v1/streaming-updates-openapi-overview
 */
export function createStreamCards(feishu: Feishu, run: StreamRun): StreamMessages {
  const { card, cardElement } = feishu.cardkit.v1;

  /** A repeated operation is harmless, because it contains the complete text. */
  const operate = async (name: string, operation: (sequence: number) => Promise<object>) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await callApi(name, () => operation(run.nextSequence()));
        return;
      } catch (error) {
        if (!hasCode(error, SEQUENCE_USED) || attempt === OPERATION_ATTEMPTS) throw error;
      }
    }
  };

  const configure = (card_id: string, config: object) =>
    operate('cardkit.card.settings', (sequence) =>
      card.settings({ path: { card_id }, data: { settings: JSON.stringify({ config }), sequence } }),
    );

  const write = (card_id: string, content: string) =>
    operate('cardkit.cardElement.content', (sequence) =>
      cardElement.content({ path: { card_id, element_id: TEXT_ID }, data: { content, sequence } }),
    );

  return {
    maximumBytes: MAXIMUM_CARD_TEXT_BYTES,
    showsWhenSent: false,
    acceptsUpdate: () => true,
    pauseAfter: () => CARD_PAUSE_MILLISECONDS,

    async create() {
      const json = {
        schema: '2.0',
        config: { streaming_mode: true, update_multi: true },
        body: { elements: [{ tag: 'markdown', element_id: TEXT_ID, content: '…' }] },
      };
      const { card_id: cardId } = await callApi('cardkit.card.create', () =>
        card.create({ data: { type: 'card_json', data: JSON.stringify(json) } }),
      );
      if (cardId === undefined) throw new FeishuApiError('cardkit.card.create', { code: 0, msg: 'no card_id' });
      return { cardId, shown: 0 };
    },

    contentOf: ({ cardId }) => ({
      type: 'interactive',
      content: JSON.stringify({ type: 'card', data: { card_id: cardId } }),
    }),

    async update({ cardId = '' }, text) {
      try {
        await write(cardId, text);
      } catch (error) {
        if (!hasCode(error, STREAMING_ENDED)) throw error;
        await configure(cardId, { streaming_mode: true });
        await write(cardId, text);
      }
    },

    // Without a summary, the list of chats would show that the card is still being generated.
    close: ({ cardId = '' }, text) =>
      configure(cardId, { streaming_mode: false, summary: { content: summaryOf(text) } }),
  };
}

const MAXIMUM_POST_TEXT_BYTES = 28_000;
/** Of the 20 edits that the platform accepts, the others are for later attempts and for the complete text. */
const EDITS_WHILE_WRITING = 8;
const FIRST_EDIT_PAUSE_MILLISECONDS = 2000;

/**
 * Shows the answer in posts that are edited.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/update
 */
export function createStreamPosts(feishu: Feishu, run: StreamRun): StreamMessages {
  const contentOf = (text: string) => JSON.stringify({ zh_cn: { content: [[{ tag: 'md', text }]] } });
  // Later attempts only show the complete text.
  const edits = run.number === 1 ? EDITS_WHILE_WRITING : 0;
  return {
    maximumBytes: MAXIMUM_POST_TEXT_BYTES,
    showsWhenSent: true,
    create: async () => ({ shown: 0 }),
    contentOf: (_, text) => ({ type: 'post', content: contentOf(text) }),
    acceptsUpdate: (updates) => updates < edits,
    pauseAfter: (updates) => FIRST_EDIT_PAUSE_MILLISECONDS * 2 ** (updates - 1),
    close: async () => {},

    async update({ messageId = '' }, text) {
      await callApi('im.message.update', () =>
        feishu.im.message.update({
          path: { message_id: messageId },
          data: { msg_type: 'post', content: contentOf(text) },
        }),
      );
    },
  };
}

/** Returns whether CardKit is not available: the scope is missing, or the platform has no such API. */
export function isCardKitRejection(error: unknown): boolean {
  if (error instanceof FeishuApiError) return !RATE_LIMITS.has(error.code);
  const response = isObject(error) && isObject(error.response) ? error.response : {};
  return response.status === 404;
}

const RATE_LIMITS: ReadonlySet<number> = new Set([230020, 99991400]);

function hasCode(error: unknown, codes: ReadonlySet<number>): boolean {
  return error instanceof FeishuApiError && codes.has(error.code);
}

const MAXIMUM_SUMMARY_CHARACTERS = 80;

function summaryOf(text: string): string {
  const words = text
    .replaceAll(/[#*`>|~_]+/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return [...words].slice(0, MAXIMUM_SUMMARY_CHARACTERS).join('');
}
