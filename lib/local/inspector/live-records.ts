import { PassThrough, type Readable } from 'node:stream';
import { type BuildFailure, type ChatMessage, type EventRecord, LIVE_EVENTS } from './wire.ts';

interface Viewer {
  stream: PassThrough;
  /** Records still to be sent, each in its latest state. */
  pending: Map<string, EventRecord>;
  /** Chat messages still to be sent, each in its latest state. */
  pendingMessages: Map<string, ChatMessage>;
  /** Whether the latest state of the build is still to be sent. */
  isBuildPending: boolean;
}

/** Faster updates would not be noticeable. */
const SEND_EVERY_MILLISECONDS = 100;
const RECORDS_PER_MESSAGE = 1000;
/** The event log's limit. */
const MAXIMUM_PENDING = 10_000;
/** A page shows no more. */
const MAXIMUM_PENDING_MESSAGES = 500;

/**
 * Streams event records, chat messages and the failure of the build to open pages as server-sent events. A slow page skips intermediate
 * states instead of falling behind: only the latest state of each record and message is buffered for it.
 */
export class LiveRecords {
  readonly #viewers = new Set<Viewer>();
  readonly #conceal: (json: string) => string;
  #timer: NodeJS.Timeout | undefined;
  #buildFailure: BuildFailure | undefined;

  /** @param conceal hides secrets in all JSON that is sent */
  constructor(conceal: (json: string) => string) {
    this.#conceal = conceal;
  }

  /**
   * Opens a stream for a page.
   *
   * @param records the records to send first
   * @returns `start`, then `build` whenever it changes, arrays of records and `chat` for each message that changes, until
   *   the page closes or {@link stop} is called
   */
  open(records: readonly EventRecord[]): Readable {
    const stream = new PassThrough();
    const viewer = {
      stream,
      pending: new Map(records.map((record) => [record.messageId, record])),
      pendingMessages: new Map<string, ChatMessage>(),
      isBuildPending: this.#buildFailure !== undefined,
    };
    this.#viewers.add(viewer);
    stream.on('close', () => this.#viewers.delete(viewer));
    stream.on('drain', () => this.#send(viewer));
    stream.write(`event: ${LIVE_EVENTS.start}\ndata:\n\n`);
    this.#send(viewer);
    return stream;
  }

  change(record: EventRecord): void {
    for (const { pending } of this.#viewers) put(pending, record, MAXIMUM_PENDING);
    this.#schedule();
  }

  changeMessage(message: ChatMessage): void {
    for (const { pendingMessages } of this.#viewers) put(pendingMessages, message, MAXIMUM_PENDING_MESSAGES);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#viewers.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const viewer of this.#viewers) this.#send(viewer);
    }, SEND_EVERY_MILLISECONDS);
  }

  /** @param failure `undefined` if the build succeeded */
  changeBuild(failure: BuildFailure | undefined): void {
    this.#buildFailure = failure;
    for (const viewer of this.#viewers) {
      viewer.isBuildPending = true;
      this.#send(viewer);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers) {
      this.#send(viewer);
      viewer.stream.end();
    }
    this.#viewers.clear();
  }

  #send(viewer: Viewer): void {
    const { stream, pending, pendingMessages } = viewer;
    if (viewer.isBuildPending && !stream.writableNeedDrain && stream.writable) {
      viewer.isBuildPending = false;
      const json = JSON.stringify(this.#buildFailure ?? null);
      stream.write(`event: ${LIVE_EVENTS.build}\ndata: ${this.#conceal(json)}\n\n`);
    }
    while (pending.size > 0 && !stream.writableNeedDrain && stream.writable) {
      const records = [...pending.values().take(RECORDS_PER_MESSAGE)];
      for (const { messageId } of records) pending.delete(messageId);
      stream.write(`data: ${this.#conceal(JSON.stringify(records))}\n\n`);
    }
    while (pendingMessages.size > 0 && !stream.writableNeedDrain && stream.writable) {
      const [messageId, message] = pendingMessages.entries().next().value as [string, ChatMessage];
      pendingMessages.delete(messageId);
      stream.write(`event: ${LIVE_EVENTS.chat}\ndata: ${this.#conceal(JSON.stringify(message))}\n\n`);
    }
  }
}

/** Stores the latest state. If there are too many, the oldest is removed. */
function put<Item extends { messageId: string }>(pending: Map<string, Item>, item: Item, maximum: number): void {
  pending.set(item.messageId, item);
  if (pending.size > maximum) pending.delete(pending.keys().next().value as string);
}
