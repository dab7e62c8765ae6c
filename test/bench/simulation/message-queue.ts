/** The events queue, as far as the worker sees it. */
export interface MessageQueue {
  /** Messages that nobody works on. */
  readonly length: number;
  /** Whether one of them could be worked on. */
  readonly isReady: boolean;
  add(enqueuedAt: number, conversation: number): void;
  /** @returns what can be worked on now, by the times it was enqueued at; empty when there is nothing */
  take(maximum: number): Batch;
  /** What was taken has been worked on. */
  done(batch: Batch): void;
}

export interface Batch {
  enqueuedAt: readonly number[];
  /** Of a FIFO queue, where a batch is one message: no other of it is given out meanwhile. */
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

/** Gives out one message of a conversation at a time, in the order they came in. */
export class FifoQueue implements MessageQueue {
  readonly #conversations = new Map<number, Conversation>();
  /** The conversations that have a message and are not worked on, by the time they became so. */
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
