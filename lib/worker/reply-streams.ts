import type { EventContext } from '../handler.ts';
import type { OpenStream, ReplyStreams, StreamRun } from '../reply-streams.ts';
import type { StreamStates } from '../store/stream-states.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { closeReplies, isUnfinished, type ReplyEnd } from './close-replies.ts';

/** The streamed replies of one run of a handler. */
export interface RunStreams extends ReplyStreams {
  /**
   * Completes the replies that the handler has not ended, and closes those of earlier runs that it has not continued.
   *
   * @throws {TypeError} if one of them has no text, and what the platform's client throws
   */
  endAll(context: CloseContext): Promise<void>;
  /**
   * Shows all that the handler has written, because the event may continue much later. Never throws.
   *
   * @param signal aborts when the time is up
   */
  showAll(context: CloseContext, signal: AbortSignal): Promise<void>;
  /**
   * Stops the replies that are not complete, and shows why. Never throws.
   *
   * @param signal aborts when the time is up
   */
  stopAll(end: ReplyEnd, context: CloseContext, signal: AbortSignal): Promise<void>;
}

type CloseContext = Pick<EventContext, 'feishu' | 'uuid' | 'log'>;

const STORE_WITHIN_MILLISECONDS = 3000;
/** Enough for years of updates, and for 2,000 runs within the platform's limit of 2^31 - 1. */
const SEQUENCES_PER_RUN = 1_000_000;

/**
 * @param key identifies the event
 * @param mayHaveRun whether an earlier run may have left replies that are not complete
 */
export function createRunStreams(states: StreamStates, key: string, mayHaveRun = false): RunStreams {
  const open: OpenStream[] = [];
  let started: Promise<StreamRun> | undefined;
  let isAbandoned = false;

  const start = async (): Promise<StreamRun> => {
    using deadline = startDeadline(STORE_WITHIN_MILLISECONDS);
    const stored = await states.begin(key, deadline.signal);
    let sequence = stored.run * SEQUENCES_PER_RUN;
    let saving: Promise<void> = Promise.resolve();
    const save = async () => {
      using limit = startDeadline(STORE_WITHIN_MILLISECONDS);
      await states.write(key, stored, limit.signal);
    };
    return {
      number: stored.run,
      replies: stored.replies,
      nextSequence: () => ++sequence,
      add: (stream) => void open.push(stream),
      save() {
        // One after the other, so that the last state stays.
        saving = saving.then(save, save);
        return saving;
      },
    };
  };

  const begin = () => {
    started ??= start().catch((error: unknown) => {
      started = undefined;
      throw error;
    });
    return started;
  };

  const end = async () => {
    for (const stream of open) {
      if (isAbandoned && !stream.hasText) stream.stop();
      else await stream.end();
    }
  };

  /** Returns whether the handler has streamed now, or if nothing of the event runs after this, in an earlier run. */
  const hasReplies = async (replyEnd: ReplyEnd) => {
    if (started !== undefined || !mayHaveRun || replyEnd === 'interrupted') return started !== undefined;
    using deadline = startDeadline(STORE_WITHIN_MILLISECONDS);
    return Object.values(await states.read(key, deadline.signal)).some(isUnfinished);
  };

  const closeAll = async (replyEnd: ReplyEnd, context: CloseContext, signal = new AbortController().signal) => {
    try {
      if (!(await rejectOnAbort(signal, hasReplies(replyEnd)))) return;
      const run = await rejectOnAbort(signal, begin());
      await rejectOnAbort(signal, closeReplies(run, replyEnd, context));
    } catch (error) {
      context.log.warn('A streamed reply could not be closed', { error });
    }
  };

  return {
    begin,

    end,

    abandon() {
      isAbandoned = true;
    },

    async endAll(context) {
      await end();
      await closeAll(isAbandoned ? 'abandoned' : 'failed', context);
    },

    async showAll({ log }, signal) {
      await rejectOnAbort(signal, Promise.all(open.map((stream) => stream.show()))).catch((error: unknown) => {
        log.warn('The last part of a streamed reply could not be shown. It follows with the next update', { error });
      });
    },

    async stopAll(end, context, signal) {
      for (const stream of open) stream.stop();
      await closeAll(end, context, signal);
    },
  };
}
