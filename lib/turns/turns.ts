import { setTimeout as sleep } from 'node:timers/promises';
import { Drop, type EventContext, type EventPayloads } from '../handler.ts';
import { openStore, type StateContext } from '../state/open-store.ts';
import { STATE_STORE } from '../state/state-store.ts';
import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';
import { TurnList } from './turn-list.ts';

type MessageEvent = EventPayloads['im.message.receive_v1'];
type MessageContext = EventContext<MessageEvent>;

/** Answers the messages of a turn, the oldest first. The context is that of the newest one. */
type TurnFunction = (events: MessageEvent[], context: MessageContext) => unknown;

interface TurnCall {
  handle: TurnFunction;
  context: MessageContext;
}

export interface TurnOptions {
  /** How long a message waits for further ones, from 0 to 20 seconds. Default: 2. */
  windowSeconds?: number;
}

const MAXIMUM_WINDOW_SECONDS = 20;
const POLL_MILLISECONDS = 1000;
/** A handler that ignores its signal holds up the next turn for this long. */
const STOP_WITHIN_MILLISECONDS = 5000;

/**
 * Makes messages that arrive in a chat within a short time one call of a handler. A newer message aborts the call that
 * runs: its `signal` aborts, and the next call gets its messages, too. All of them are passed to a call that succeeds.
 *
 * @param handle must stop when `signal` aborts; its result is then ignored. If it throws, the call is retried.
 * @returns the function to pass to `onEvent('im.message.receive_v1', …)`
 * @throws {RangeError} if the window is not from 0 to 20 seconds
 */
export function onTurn(handle: TurnFunction, { windowSeconds = 2 }: TurnOptions = {}) {
  if (!(windowSeconds >= 0 && windowSeconds <= MAXIMUM_WINDOW_SECONDS)) {
    throw new RangeError(`windowSeconds must be from 0 to ${MAXIMUM_WINDOW_SECONDS}, not ${windowSeconds}.`);
  }
  return async (event: MessageEvent, context: MessageContext & StateContext): Promise<void> => {
    rejectOrderedQueue(context);
    const { message_id: id, chat_id: chatId } = event.message;
    const { signal, log, attempt } = context;
    const { app, tenant } = context.header;
    const list = new TurnList(openStore(context), { app, tenant, kind: 'turn', id: chatId }, signal);

    const own = await list.readMessage(id);
    if (own?.isDone) return context.streams?.abandon();
    if (own?.turn !== undefined) return await runAlone(id, own.turn, list, { handle, context });
    // The message is stored before it is listed, so that every listed message can be read.
    if (own === undefined) await list.writeMessage(id, { event });
    await list.add(id);
    if (context[STATE_STORE] === undefined) await sleep(windowSeconds * 1000, undefined, { signal });

    let start = await list.start(id);
    for (; start.state === 'busy'; start = await list.start(id)) await sleep(POLL_MILLISECONDS, undefined, { signal });
    if (start.state === 'joined') {
      context.streams?.abandon();
      log.info('The message joined a newer turn', { newest: start.newest });
      return;
    }
    const { ids } = start;
    if (attempt >= MAXIMUM_DELIVERIES) {
      // If this attempt fails, the messages stay with the dead letter, and newer turns can succeed without them.
      await list.writeMessage(id, { event, turn: ids });
      await list.remove(id, ids);
      return await runAlone(id, ids, list, { handle, context });
    }
    await runUntilNewer(id, ids, list, { handle, context });
  };
}

/** Runs a turn that no newer message aborts. */
async function runAlone(id: string, ids: string[], list: TurnList, { handle, context }: TurnCall): Promise<void> {
  await runToEnd(id, ids, list, async (events) => {
    await handle(events, context);
    await context.streams?.end();
    return true;
  });
}

/** Runs a turn until a newer message arrives, which then runs its messages. */
async function runUntilNewer(id: string, ids: string[], list: TurnList, { handle, context }: TurnCall): Promise<void> {
  const newer = new AbortController();
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, newer.signal]);
  const watching = watch(id, list, newer, ended.signal);
  try {
    await runToEnd(id, ids, list, async (events) => {
      const running = (async () => handle(events, { ...context, signal }))();
      // Its error is ignored if it ignores the signal.
      running.catch(() => {});
      await Promise.race([running, stopTimeAfter(newer.signal)]);
      if (newer.signal.aborted) return false;
      // While the turn can be repeated.
      await context.streams?.end();
      return true;
    });
  } catch (error) {
    if (!newer.signal.aborted) throw error;
  } finally {
    ended.abort();
    await watching;
    await list.remove(id, []).catch((error: unknown) => {
      context.log.warn('The end of the turn could not be recorded. The next one waits for up to 10 s', { error });
    });
  }
  if (!newer.signal.aborted) return;
  context.streams?.abandon();
  context.log.info('The message joined a newer turn, which aborted its own');
}

/** @param run returns whether the messages are answered; also if it throws a `Drop` */
async function runToEnd(
  id: string,
  ids: string[],
  list: TurnList,
  run: (events: MessageEvent[]) => Promise<boolean>,
): Promise<void> {
  const messages = await Promise.all(ids.map((one) => list.readMessage(one)));
  const open = messages.filter((message) => message?.event !== undefined && !message.isDone);
  const events = open.map((message) => message?.event as MessageEvent);
  // They are listed in the order of their delivery.
  events.sort((one, other) => Number(one.message.create_time) - Number(other.message.create_time));
  try {
    if (events.length > 0 && !(await run(events))) return;
  } catch (error) {
    if (error instanceof Drop) await finish(id, ids, list);
    throw error;
  }
  await finish(id, ids, list);
}

/** The own message last: if the worker dies before, the turn is not repeated for the others. */
async function finish(id: string, ids: string[], list: TurnList): Promise<void> {
  const others = ids.filter((one) => one !== id);
  await Promise.all(others.map((one) => list.writeMessage(one, { isDone: true })));
  await list.writeMessage(id, { isDone: true });
  await list.remove(id, ids);
}

/** Extends the lease of a turn, and aborts it when a newer message has arrived. */
async function watch(id: string, list: TurnList, newer: AbortController, ended: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(POLL_MILLISECONDS, undefined, { signal: ended }).catch(() => {});
    if (ended.aborted) return;
    // Without a response, the turn continues. It is read again a second later.
    const newest = await list.renew(id).catch(() => id);
    if (ended.aborted || newest === id) continue;
    newer.abort(new Error('A newer message has arrived'));
    return;
  }
}

async function stopTimeAfter(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await sleep(STOP_WITHIN_MILLISECONDS, undefined, { ref: false });
}

/** On an ordered queue, the next message of a chat is delivered only after this one. */
function rejectOrderedQueue(context: StateContext): void {
  const isOrdered = context[STATE_STORE] === undefined && process.env.QUEUE_URL?.endsWith('.fifo');
  if (isOrdered) throw new Error('onTurn orders the messages of a chat itself and needs a queue with ordering=none.');
}
