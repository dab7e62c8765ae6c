import { type FunctionLine, formatField, readFunctionLine } from '../functions/function-lines.ts';
import type { LogLine } from './wire.ts';

interface Content {
  text?: string;
  lines: LogLine[];
  characters: number;
}

/** A flood of large events must not fill the memory: the oldest give way. */
const MAXIMUM_CHARACTERS = 64 * 1024 * 1024;
const MAXIMUM_LINES = 200;
const MAXIMUM_LINE_CHARACTERS = 10_000;

/** What is in events, and what their handlers say about them: kept in memory alone, and no more than 64 Mi characters. */
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
    this.#shrink();
  }

  textOf(messageId: string): string | undefined {
    return this.#contents.get(messageId)?.text;
  }

  /**
   * Takes a line of a function, and keeps it when it names a message or an event.
   *
   * @returns the id of the message that it is about
   */
  addLine(text: string): string | undefined {
    const line = text.length > MAXIMUM_LINE_CHARACTERS ? undefined : readFunctionLine(text);
    // Before an event is queued, as in a callback's handler, it has no message.
    const key = line?.messageId ?? line?.eventId;
    if (line === undefined || key === undefined) return undefined;
    const content = this.#open(key);
    if (content.lines.length >= MAXIMUM_LINES) this.#grow(content, -sizeOf(content.lines.shift()));
    const kept = toLogLine(line);
    content.lines.push(kept);
    this.#grow(content, sizeOf(kept));
    this.#shrink();
    return line.messageId;
  }

  /** Of the message, and of its event before it was queued; from the oldest to the newest. */
  linesOf({ messageId, id }: { messageId: string; id?: string | undefined }): LogLine[] {
    const before = id === undefined ? [] : (this.#contents.get(id)?.lines ?? []);
    return [...before, ...(this.#contents.get(messageId)?.lines ?? [])];
  }

  #open(key: string): Content {
    const known = this.#contents.get(key);
    if (known !== undefined) return known;
    const content: Content = { lines: [], characters: 0 };
    this.#contents.set(key, content);
    return content;
  }

  #grow(content: Content, characters: number): void {
    content.characters += characters;
    this.#characters += characters;
  }

  #shrink(): void {
    for (const [key, { characters }] of this.#contents) {
      if (this.#characters <= this.#maximumCharacters) return;
      this.#contents.delete(key);
      this.#characters -= characters;
    }
  }
}

function sizeOf(line: LogLine | undefined): number {
  return line === undefined ? 0 : JSON.stringify(line).length;
}

/** Which event it is about is said by where it is shown. */
function toLogLine({ timestamp, level, message, details, stack }: FunctionLine): LogLine {
  const own = details.filter(([name]) => name !== 'event_id' && name !== 'event_type');
  return { timestamp, level, message, details: own.map(formatField), ...(stack !== undefined && { stack }) };
}
