import { PassThrough, type Readable } from 'node:stream';
import type { EventRecord } from './wire.ts';

interface Viewer {
  stream: PassThrough;
  /** What the page does not know yet: the newest state of each record. */
  changed: Map<string, EventRecord>;
}

/** More often than this nobody sees a difference. */
const SEND_EVERY_MILLISECONDS = 100;
const RECORDS_A_MESSAGE = 1000;
/** As many as the event log keeps: an event that is older is not shown anywhere else either. */
const MAXIMUM_WAITING = 10_000;

/**
 * Tells pages what becomes of events, as server-sent events. A page that does not keep up is told less often, not later
 * and later: only the newest state of a record waits for it.
 */
export class LiveRecords {
  readonly #viewers = new Set<Viewer>();
  readonly #conceal: (json: string) => string;
  #timer: NodeJS.Timeout | undefined;

  /** @param conceal what is done to all JSON that leaves here */
  constructor(conceal: (json: string) => string) {
    this.#conceal = conceal;
  }

  /**
   * @param records what there is so far
   * @returns `event: start`, then arrays of records, until the page is closed or {@link stop} is called
   */
  open(records: readonly EventRecord[]): Readable {
    const stream = new PassThrough();
    const viewer = { stream, changed: new Map(records.map((record) => [record.messageId, record])) };
    this.#viewers.add(viewer);
    stream.on('close', () => this.#viewers.delete(viewer));
    stream.on('drain', () => this.#send(viewer));
    stream.write('event: start\ndata:\n\n');
    this.#send(viewer);
    return stream;
  }

  change(record: EventRecord): void {
    if (this.#viewers.size === 0) return;
    for (const { changed } of this.#viewers) {
      changed.set(record.messageId, record);
      if (changed.size > MAXIMUM_WAITING) changed.delete(changed.keys().next().value as string);
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const viewer of this.#viewers) this.#send(viewer);
    }, SEND_EVERY_MILLISECONDS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers) {
      this.#send(viewer);
      viewer.stream.end();
    }
    this.#viewers.clear();
  }

  #send({ stream, changed }: Viewer): void {
    while (changed.size > 0 && !stream.writableNeedDrain && stream.writable) {
      const records = [...changed.values().take(RECORDS_A_MESSAGE)];
      for (const { messageId } of records) changed.delete(messageId);
      stream.write(`data: ${this.#conceal(JSON.stringify(records))}\n\n`);
    }
  }
}
