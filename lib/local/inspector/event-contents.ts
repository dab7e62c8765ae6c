import { type FunctionLine, formatField, readFunctionLine } from '../functions/function-lines.ts';
import type { ObservedCall } from '../functions/observe-api-calls.ts';
import type { ApiCallDetails, LogLine } from './wire.ts';

interface Content {
  text?: string;
  response?: string;
  lines: LogLine[];
  calls: ApiCallDetails[];
  characters: number;
}

/** Bounds memory: beyond this, the oldest contents are evicted. */
const MAXIMUM_CHARACTERS = 64 * 1024 * 1024;
const MAXIMUM_LINES = 200;
const MAXIMUM_LINE_CHARACTERS = 10_000;
const MAXIMUM_CALLS = 100;

/** Keeps the text, log lines and API calls of recent events, in memory only: at most 64 Mi characters. */
export class EventContents {
  readonly #contents = new Map<string, Content>();
  readonly #maximumCharacters: number;
  #characters = 0;

  constructor(maximumCharacters = MAXIMUM_CHARACTERS) {
    this.#maximumCharacters = maximumCharacters;
  }

  /** @param text the decrypted JSON */
  setText(messageId: string, text: string): void {
    const content = this.#open(messageId);
    this.#grow(content, text.length - (content.text?.length ?? 0));
    content.text = text;
    this.#evict();
  }

  textOf(messageId: string): string | undefined {
    return this.#contents.get(messageId)?.text;
  }

  /** @param response the JSON of the response to a callback */
  setResponse(messageId: string, response: string): void {
    const content = this.#open(messageId);
    this.#grow(content, response.length - (content.response?.length ?? 0));
    content.response = response;
    this.#evict();
  }

  responseOf(messageId: string): string | undefined {
    return this.#contents.get(messageId)?.response;
  }

  /** Returns the message ids of the events whose JSON contains all words, in any case. */
  search(words: readonly string[]): string[] {
    const lowerCase = words.map((word) => word.toLowerCase());
    return [...this.#contents].flatMap(([messageId, { text }]) => {
      if (text === undefined) return [];
      const searched = text.toLowerCase();
      return lowerCase.every((word) => searched.includes(word)) ? [messageId] : [];
    });
  }

  /**
   * Stores a function's log line if it contains a message or event id.
   *
   * @returns the line's message id
   */
  addLine(text: string): string | undefined {
    const line = text.length > MAXIMUM_LINE_CHARACTERS ? undefined : readFunctionLine(text);
    // Callback handlers log before the event is queued and has a message id.
    const key = line?.messageId ?? line?.eventId;
    if (line === undefined || key === undefined) return undefined;
    const content = this.#open(key);
    if (content.lines.length >= MAXIMUM_LINES) this.#grow(content, -sizeOf(content.lines.shift()));
    const logLine = toLogLine(line);
    content.lines.push(logLine);
    this.#grow(content, sizeOf(logLine));
    this.#evict();
    return line.messageId;
  }

  /** Returns the lines logged before the event was queued, then those of its message; oldest first. */
  linesOf({ messageId, id }: { messageId: string; id?: string | undefined }): LogLine[] {
    const beforeQueued = id === undefined ? [] : (this.#contents.get(id)?.lines ?? []);
    return [...beforeQueued, ...(this.#contents.get(messageId)?.lines ?? [])];
  }

  /** Stores an API call of an event's handler. If there are too many, the oldest are removed. */
  addCall({ eventId, ...call }: ObservedCall): void {
    const content = this.#open(eventId);
    if (content.calls.length >= MAXIMUM_CALLS) this.#grow(content, -sizeOf(content.calls.shift()));
    content.calls.push(call);
    this.#grow(content, sizeOf(call));
    this.#evict();
  }

  /** Returns the API calls of an event's handler, in the order in which they ended. */
  callsOf({ id }: { id?: string | undefined }): ApiCallDetails[] {
    return id === undefined ? [] : (this.#contents.get(id)?.calls ?? []);
  }

  #open(key: string): Content {
    const existing = this.#contents.get(key);
    if (existing !== undefined) return existing;
    const content: Content = { lines: [], calls: [], characters: 0 };
    this.#contents.set(key, content);
    return content;
  }

  #grow(content: Content, characters: number): void {
    content.characters += characters;
    this.#characters += characters;
  }

  #evict(): void {
    for (const [key, { characters }] of this.#contents) {
      if (this.#characters <= this.#maximumCharacters) return;
      this.#contents.delete(key);
      this.#characters -= characters;
    }
  }
}

function sizeOf(entry: LogLine | ApiCallDetails | undefined): number {
  return entry === undefined ? 0 : JSON.stringify(entry).length;
}

/** Omits the event's id and type: the page shows the line within its event. */
function toLogLine({ timestamp, level, message, details, stack }: FunctionLine): LogLine {
  const fields = details.filter(([name]) => name !== 'event_id' && name !== 'event_type');
  return { timestamp, level, message, details: fields.map(formatField), ...(stack !== undefined && { stack }) };
}
