import { setTimeout as sleep } from 'node:timers/promises';
import type { EventContext } from '../handler.ts';
import type { OpenStream, StreamedPart, StreamedReply, StreamRun } from '../reply-streams.ts';
import { callApi, FeishuApiError } from './api-error.ts';
import type { ReplyTarget, SentMessage } from './reply.ts';
import { createStreamCards, createStreamPosts, isCardKitRejection, type StreamMessages } from './stream-messages.ts';
import { splitAnswer } from './stream-parts.ts';

export interface StreamOptions {
  /** Shown below what has been written if the event fails for good or is dropped. */
  failureText?: string;
}

/** What a stream needs of its handler's context. */
type StreamContext = Pick<EventContext, 'feishu' | 'streams' | 'log'> & {
  /** After a `Continue`. */
  readonly continued?: { readonly count: number } | undefined;
};

/** Sends the reply's message with the given content and a `uuid` for the label. */
export type SendPart = (type: string, content: string, label: string) => Promise<SentMessage>;

const DEFAULT_FAILURE_TEXT = 'Sorry, this answer could not be completed.';
/** A write to DynamoDB this often lets the next attempt know how much is shown. */
const SAVE_EVERY_MILLISECONDS = 5000;
const END_ATTEMPTS = 3;
const END_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 10_000;

const EDITED_TOO_OFTEN = 230072;
/** A user is clicking in the card, or the platform failed. */
const TRANSIENT: ReadonlySet<number> = new Set([200810, 300120]);
const CARD_REJECTED = 230099;

/**
 * Starts a streamed reply, or continues the one of an earlier attempt.
 *
 * @param label distinguishes the replies to an event, and is the same in each attempt
 * @throws {TypeError} if the context is not that of an event handler
 * @throws {FeishuApiError} if the platform rejects the reply
 */
export async function startStream(
  label: string,
  { id, threadId }: ReplyTarget,
  { feishu, streams, log, continued }: StreamContext,
  { failureText = DEFAULT_FAILURE_TEXT }: StreamOptions,
  send: SendPart,
): Promise<ReplyStream> {
  if (streams === undefined) throw new TypeError('Streaming needs the context of an event handler.');
  const run = await streams.begin();
  const target = { id, ...(threadId !== undefined && { threadId }) };
  const count = continued?.count ?? 0;
  const ownLabel = findLabel(label, run, count);
  const reply: StreamedReply = run.replies[ownLabel] ?? { target, failureText, status: 'open', parts: [] };
  run.replies[ownLabel] = reply;
  const stream = new ReplyStream(ownLabel, reply, run, { feishu, log, count }, send);
  await stream.start();
  return stream;
}

/**
 * After a `Continue`, a reply that was not completed goes on. One that was completed before is followed by another.
 *
 * @param count how often the event has continued
 */
function findLabel(label: string, { replies }: StreamRun, count: number): string {
  const labels = Array.from({ length: count + 1 }, (_, index) =>
    index === 0 ? label : `${label} after ${index} Continue`,
  );
  const isCurrent = (reply: StreamedReply | undefined) =>
    reply !== undefined && (reply.status !== 'done' || reply.doneIn === count);
  return labels.find((one) => isCurrent(replies[one])) ?? (labels.at(-1) as string);
}

interface ShownPart {
  text: string;
  /** Whether it is marked as complete. */
  isClosed: boolean;
}

/** A reply whose text appears while it is written. */
export class ReplyStream implements OpenStream {
  readonly #label: string;
  readonly #reply: StreamedReply;
  readonly #run: StreamRun;
  readonly #feishu: EventContext['feishu'];
  readonly #log: EventContext['log'];
  readonly #count: number;
  readonly #send: SendPart;
  #messages: StreamMessages;
  #text = '';
  /** What this run has shown, by part. */
  readonly #shown: (ShownPart | undefined)[] = [];
  /** The parts that no earlier run has sent. */
  readonly #created = new Set<StreamedPart>();
  /** The text that the last update showed. */
  #updatedText = '';
  #updates = 0;
  #updating: Promise<void> | undefined;
  #ending: Promise<SentMessage[]> | undefined;
  #isStopped = false;
  /** Ends the pause between two updates. */
  readonly #wake = new AbortController();
  #savedAt = performance.now();

  constructor(
    label: string,
    reply: StreamedReply,
    run: StreamRun,
    { feishu, log, count }: Pick<StreamContext, 'feishu' | 'log'> & { count: number },
    send: SendPart,
  ) {
    this.#log = log;
    this.#count = count;
    this.#label = label;
    this.#reply = reply;
    this.#run = run;
    this.#feishu = feishu;
    this.#send = send;
    const isPosts = reply.parts.some(({ cardId }) => cardId === undefined);
    this.#messages = isPosts ? createStreamPosts(feishu, run) : createStreamCards(feishu, run);
  }

  get hasText(): boolean {
    return this.#text.trim() !== '';
  }

  /** Sends the first message, unless an earlier attempt has. */
  async start(): Promise<void> {
    if (this.#reply.status === 'done') return;
    if (this.#reply.status === 'failed') await this.#removeFailure();
    await this.#sendPart(0, '');
    this.#run.add(this);
  }

  /**
   * Adds text, which is shown as Markdown within a second. Does not wait for the platform: errors are thrown by
   * {@link ReplyStream.end}.
   *
   * @throws {TypeError} if the stream has ended
   */
  write(text: string): void {
    if (this.#ending !== undefined) throw new TypeError('The stream has ended: write before calling end().');
    this.#text += text;
    this.#update();
  }

  /**
   * Shows the complete text and ends the stream.
   *
   * @returns the messages; several if the text exceeds the platform's limits for one
   * @throws {TypeError} if nothing was written
   * @throws {FeishuApiError} if the platform rejects the text
   */
  end(): Promise<SentMessage[]> {
    this.#ending ??= this.#end().catch((error: unknown) => {
      // It may be called again.
      this.#ending = undefined;
      throw error;
    });
    return this.#ending;
  }

  async show(): Promise<void> {
    this.#wake.abort();
    await this.#updating;
    const isShown = this.#reply.status === 'done' || this.#updatedText === this.#text;
    if (!isShown && this.hasText && this.#messages.acceptsUpdate(this.#updates)) await this.#show(this.#text);
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake.abort();
  }

  async #end(): Promise<SentMessage[]> {
    const isDone = this.#reply.status === 'done';
    if (!isDone && !this.hasText) {
      throw new TypeError('The platform rejects an empty message. Write text before calling end().');
    }
    this.#wake.abort();
    await this.#updating;
    for (let attempt = 1; !isDone; attempt += 1) {
      if (this.#isStopped) throw new Error('The handler of the stream has ended.');
      try {
        await this.#complete();
        break;
      } catch (error) {
        const isFinal = error instanceof FeishuApiError && !TRANSIENT.has(error.code);
        if (isFinal || attempt === END_ATTEMPTS) throw error;
        await sleep(END_PAUSE_MILLISECONDS);
      }
    }
    return this.#reply.parts.map(({ messageId = '' }) => ({ id: messageId }));
  }

  /** Sends updates, one at a time, until the card shows the complete text. */
  #update(): void {
    if (this.#isStopped || this.#reply.status === 'done') return;
    this.#updating ??= this.#updateAll().finally(() => {
      this.#updating = undefined;
      // Added after the last check.
      if (this.#hasUpdates() && this.#messages.acceptsUpdate(this.#updates)) this.#update();
    });
  }

  #hasUpdates(): boolean {
    return this.#updatedText !== this.#text && !this.#wake.signal.aborted;
  }

  async #updateAll(): Promise<void> {
    let failures = 0;
    while (this.#hasUpdates() && this.#messages.acceptsUpdate(this.#updates)) {
      const text = this.#text;
      try {
        if (text.trim() !== '') await this.#show(text);
        this.#updatedText = text;
        failures = 0;
      } catch {
        // Tried again with the next text, and at the end.
        failures += 1;
      }
      this.#updates += 1;
      const pause = this.#messages.pauseAfter(this.#updates) * 2 ** failures;
      await this.#pause(failures > 0 ? Math.min(pause, LONGEST_PAUSE_MILLISECONDS) : pause);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#wake.signal }).catch(() => {});
  }

  /** Shows a text that is not complete. */
  async #show(text: string): Promise<void> {
    const parts = splitAnswer(text, this.#messages.maximumBytes);
    for (const [index, part] of parts.entries()) {
      const stored = await this.#sendPart(index, part);
      const isLast = index === parts.length - 1;
      // An earlier attempt has shown more: the answer does not shrink until this one has caught up.
      if (isLast && part.length < stored.shown) return;
      await this.#showPart(index, stored, part, !isLast);
    }
    if (performance.now() - this.#savedAt < SAVE_EVERY_MILLISECONDS) return;
    await this.#save();
  }

  async #complete(): Promise<void> {
    const parts = splitAnswer(this.#text, this.#messages.maximumBytes);
    for (const [index, part] of parts.entries()) {
      const stored = await this.#sendPart(index, part);
      await this.#showPart(index, stored, part, true).catch(async (error: unknown) => {
        if (!(error instanceof FeishuApiError) || error.code !== EDITED_TOO_OFTEN) throw error;
        const { type, content } = this.#messages.contentOf(stored, part);
        stored.messageId = (await this.#send(type, content, `${this.#labelOf(index)} complete`)).id;
      });
    }
    await this.#deleteAfter(parts.length);
    this.#reply.status = 'done';
    this.#reply.doneIn = this.#count;
    await this.#save();
  }

  /** Deletes messages of an earlier attempt that has written more. */
  async #deleteAfter(length: number): Promise<void> {
    for (const { messageId } of this.#reply.parts.slice(length)) {
      if (!messageId) continue;
      await callApi('im.message.delete', () =>
        this.#feishu.im.message.delete({ path: { message_id: messageId } }),
      ).catch((error: unknown) => {
        // For example because a user has deleted it.
        if (!(error instanceof FeishuApiError)) throw error;
      });
    }
    this.#reply.parts.length = Math.min(this.#reply.parts.length, length);
  }

  /** Sends the message of a part, unless it is sent, or shows a text when it is sent and there is none yet. */
  async #sendPart(index: number, text: string): Promise<StreamedPart> {
    let part = this.#reply.parts[index];
    if (part === undefined) {
      part = await this.#createPart();
      this.#reply.parts[index] = part;
      this.#created.add(part);
      // Before it is sent, so that each attempt sends the same card.
      await this.#save();
    }
    const isCreated = this.#created.has(part);
    if (part.messageId !== undefined || (text === '' && this.#messages.showsWhenSent)) return part;
    const { type, content } = this.#messages.contentOf(part, text);
    part.messageId = await this.#send(type, content, this.#labelOf(index)).then(
      ({ id }) => id,
      (error: unknown) => {
        // The platform sends a card once. An earlier attempt has sent it, and was killed before it stored this.
        if (!isCreated && error instanceof FeishuApiError && error.code === CARD_REJECTED) return '';
        throw error;
      },
    );
    // If an earlier attempt has sent it, it shows that attempt's text.
    if (isCreated && this.#messages.showsWhenSent) this.#shown[index] = { text, isClosed: false };
    await this.#save();
    return part;
  }

  async #createPart(): Promise<StreamedPart> {
    try {
      return await this.#messages.create();
    } catch (error) {
      if (this.#reply.parts.length > 0 || !isCardKitRejection(error)) throw error;
      this.#log.warn('CardKit is not available. The streamed reply is a post that is edited', { error });
      this.#messages = createStreamPosts(this.#feishu, this.#run);
      return await this.#messages.create();
    }
  }

  async #showPart(index: number, part: StreamedPart, text: string, isComplete: boolean): Promise<void> {
    const shown = this.#shown[index];
    if (shown?.text !== text) {
      await this.#messages.update(part, text);
      this.#shown[index] = { text, isClosed: false };
      part.shown = text.length;
    }
    if (!isComplete || this.#shown[index]?.isClosed) return;
    await this.#messages.close(part, text);
    this.#shown[index] = { text, isClosed: true };
  }

  /** An attempt after the event had failed for good, for example after a redrive. */
  async #removeFailure(): Promise<void> {
    const { parts, failureElementId } = this.#reply;
    const { cardId } = parts.at(-1) ?? {};
    if (cardId !== undefined && failureElementId !== undefined) {
      await callApi('cardkit.cardElement.delete', () =>
        this.#feishu.cardkit.v1.cardElement.delete({
          path: { card_id: cardId, element_id: failureElementId },
          data: { sequence: this.#run.nextSequence() },
        }),
      ).catch((error: unknown) => {
        // Another attempt has removed it.
        if (!(error instanceof FeishuApiError)) throw error;
      });
    }
    this.#reply.status = 'open';
    this.#reply.failureElementId = undefined;
    await this.#save();
  }

  async #save(): Promise<void> {
    await this.#run.save();
    this.#savedAt = performance.now();
  }

  #labelOf(index: number): string {
    return index === 0 ? this.#label : `${this.#label} part ${index + 1}`;
  }
}
