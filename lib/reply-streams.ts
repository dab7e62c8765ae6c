// What lib/messages, which streams replies, needs of lib/worker, which stores them and closes those of a failed handler.

/** The streamed replies of an event. */
export interface ReplyStreams {
  /** Counts this run of the handler, and reads what earlier runs have sent. Repeated calls return the same run. */
  begin(): Promise<StreamRun>;
  /** Completes the streams that the handler has not ended. It is called after the handler, too. */
  end(): Promise<void>;
  /** Replies that are not complete are closed without a failure, because those to another event replace them. */
  abandon(): void;
}

/** One run of a handler that streams replies. */
export interface StreamRun {
  /** Rises with each run, starting at 1. */
  readonly number: number;
  /** By label. Changes are stored by {@link StreamRun.save}. */
  readonly replies: Record<string, StreamedReply>;
  /**
   * Stores {@link StreamRun.replies}.
   *
   * @throws {Error} if a later run has begun
   */
  save(): Promise<void>;
  /** Returns a number for an operation on a card. It rises over all runs. */
  nextSequence(): number;
  /** Adds a stream, which must not outlive the handler. */
  add(stream: OpenStream): void;
}

export interface OpenStream {
  /** Shows the complete text, if the handler has not done so. */
  end(): Promise<unknown>;
  /** Whether the handler has written anything. */
  readonly hasText: boolean;
  /** Shows the text so far, if the platform accepts it. */
  show(): Promise<void>;
  /** Stops all updates. */
  stop(): void;
}

/** What is stored of a streamed reply. */
export interface StreamedReply {
  /** The message that it replies to. */
  target: { id: string; threadId?: string };
  failureText: string;
  status: 'open' | 'done' | 'failed';
  /** How often the event had continued when the reply was completed. */
  doneIn?: number;
  /** The id of the element that shows the failure text, in the last part. */
  failureElementId?: string | undefined;
  /** In order. Long texts have several. */
  parts: StreamedPart[];
}

/** A message with a part of the text. */
export interface StreamedPart {
  /** `undefined` if the message is not a card. */
  cardId?: string;
  /** `undefined` until it is sent. */
  messageId?: string;
  /** The number of characters that it showed at least. */
  shown: number;
}
