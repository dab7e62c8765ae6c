/** The events queue as seen by the worker. */
export interface MessageQueue {
  /** Number of messages not in flight. */
  readonly length: number;
  /** Whether a message can be received. */
  readonly isReady: boolean;
  add(enqueuedAt: number, conversation: number): void;
  /** Receives up to `maximum` messages; the batch is empty if there are none. */
  take(maximum: number): Batch;
  /** Deletes the messages of a batch. */
  done(batch: Batch): void;
}

export interface Batch {
  enqueuedAt: readonly number[];
  /** FIFO only, where a batch is one message. The conversation is blocked until the batch is done. */
  conversation: number;
}

export class StandardQueue implements MessageQueue {
  #messages: number[] = [];
  #first = 0;

  get length(): number {
    return this.#messages.length - this.#first;
  }

  get isReady(): boolean {
    return this.length > 0;
  }

  add(enqueuedAt: number): void {
    this.#messages.push(enqueuedAt);
  }

  take(maximum: number): Batch {
    const enqueuedAt = this.#messages.slice(this.#first, this.#first + maximum);
    this.#first += enqueuedAt.length;
    if (this.#first > 100_000) {
      this.#messages = this.#messages.slice(this.#first);
      this.#first = 0;
    }
    return { enqueuedAt, conversation: 0 };
  }

  done(): void {}
}

interface Conversation {
  waiting: number[];
  first: number;
  isBusy: boolean;
}

/** Delivers the messages of a conversation one at a time, in order. */
export class FifoQueue implements MessageQueue {
  readonly #conversations = new Map<number, Conversation>();
  /** Conversations with a message and none in flight, in the order in which they became ready. */
  #ready: number[] = [];
  #firstReady = 0;
  length = 0;

  get isReady(): boolean {
    return this.#firstReady < this.#ready.length;
  }

  add(enqueuedAt: number, conversation: number): void {
    const state = this.#conversations.get(conversation) ?? { waiting: [], first: 0, isBusy: false };
    this.#conversations.set(conversation, state);
    state.waiting.push(enqueuedAt);
    this.length += 1;
    if (!state.isBusy && state.waiting.length - state.first === 1) this.#ready.push(conversation);
  }

  take(): Batch {
    const conversation = this.#ready[this.#firstReady];
    const state = conversation === undefined ? undefined : this.#conversations.get(conversation);
    if (conversation === undefined || state === undefined) return { enqueuedAt: [], conversation: 0 };
    this.#firstReady += 1;
    if (this.#firstReady > 100_000) {
      this.#ready = this.#ready.slice(this.#firstReady);
      this.#firstReady = 0;
    }
    const enqueuedAt = state.waiting.slice(state.first, state.first + 1);
    state.first += 1;
    state.isBusy = true;
    this.length -= 1;
    return { enqueuedAt, conversation };
  }

  done({ conversation }: Batch): void {
    const state = this.#conversations.get(conversation) as Conversation;
    state.isBusy = false;
    if (state.first < state.waiting.length) this.#ready.push(conversation);
    else this.#conversations.delete(conversation);
  }
}
