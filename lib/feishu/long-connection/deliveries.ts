import { isUtf8 } from 'node:buffer';
import { FeishuError } from '../errors.ts';
import type { Log } from '../log.ts';
import { acknowledge, type Outcome } from './acknowledgement.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { type Frame, headerOf } from './frame.ts';

/**
 * Takes an event over. Once it resolves the event counts as queued, and what it resolves to, if anything, is the
 * answer to a callback. When it rejects, the platform sends the event again.
 *
 * @param text the event's JSON as the platform wrote it
 */
export type Receive = (text: string) => Promise<object | undefined>;

/** Called with each acknowledgement that left: how long it took, and whether the event is in the queue. */
export type Acknowledged = (tookMs: number, code: Outcome['code']) => void;

/** Tells whether the connection was still there. */
type Send = (frame: Frame) => boolean;

const LATE = Symbol('late');

/** As many as keep a queue busy, few enough that each is done in time. */
const MAXIMUM_RECEIVING = 200;
/** More than can have their turn in time. Beyond it an event would take memory to no end. */
const MAXIMUM_IN_FLIGHT = 3_000;
/** Of all events in flight together. */
const MAXIMUM_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** The events that have come and are not yet acknowledged, whichever connection they came by. */
export class Deliveries {
  readonly #inFlight = new Set<Promise<void>>();
  #bytesInFlight = 0;
  readonly #turns = new ConcurrencyLimit(MAXIMUM_RECEIVING);
  readonly #receive: Receive;
  readonly #acknowledged: Acknowledged;
  readonly #acknowledgeWithinMs: number;
  readonly #log: Log;

  constructor(receive: Receive, acknowledged: Acknowledged, acknowledgeWithinMs: number, log: Log) {
    this.#receive = receive;
    this.#acknowledged = acknowledged;
    this.#acknowledgeWithinMs = acknowledgeWithinMs;
    this.#log = log;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /**
   * Hands an event on and acknowledges it, in time whatever becomes of it. When far too many have come, it is refused.
   *
   * @param frame the one that completed the event
   * @param payload the event's JSON, of all its fragments
   */
  accept(frame: Frame, payload: Uint8Array, send: Send): void {
    const bytes = this.#bytesInFlight + payload.length;
    if (this.#inFlight.size >= MAXIMUM_IN_FLIGHT || bytes > MAXIMUM_BYTES_IN_FLIGHT) {
      this.#log.warn('event refused: too many are in flight', idsOf(frame));
      this.refuse(frame, send);
      return;
    }
    this.#bytesInFlight = bytes;
    const delivery = this.#deliver(frame, payload, send)
      .catch((error) => this.#log.error('acknowledging failed', { ...idsOf(frame), ...describe(error) }))
      .finally(() => {
        this.#inFlight.delete(delivery);
        this.#bytesInFlight -= payload.length;
      });
    this.#inFlight.add(delivery);
  }

  /** Has the platform send an event again. */
  refuse(frame: Frame, send: Send): void {
    this.#finish(acknowledge(frame, { code: 500 }, 0), 500, 0, send);
  }

  /** Resolves once every event that has come is acknowledged. */
  async drain(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #deliver(frame: Frame, payload: Uint8Array, send: Send): Promise<void> {
    const arrivedAt = performance.now();
    const outcome = await this.#settle(frame, payload);
    const tookMs = performance.now() - arrivedAt;
    const { acknowledgement, code } = this.#write(frame, outcome, tookMs);
    this.#finish(acknowledgement, code, tookMs, send);
  }

  #finish(acknowledgement: Frame, code: Outcome['code'], tookMs: number, send: Send): void {
    const ids = idsOf(acknowledgement);
    if (!send(acknowledgement)) {
      this.#log.warn('the connection was lost before an event was acknowledged: it will be sent again', ids);
      return;
    }
    this.#log.debug('event acknowledged', { ...ids, code, tookMs: Math.round(tookMs) });
    this.#acknowledged(tookMs, code);
  }

  async #settle(frame: Frame, payload: Uint8Array): Promise<Outcome> {
    if (!isUtf8(payload)) {
      this.#log.error('event refused: its payload is no UTF-8 text', idsOf(frame));
      return { code: 500 };
    }
    try {
      const answer = await this.#receiveInTime(payload);
      if (answer !== LATE) return { code: 200, answer };
      this.#log.error(`event not queued within ${this.#acknowledgeWithinMs} ms`, idsOf(frame));
    } catch (error) {
      this.#log.error('event not queued', { ...idsOf(frame), ...describe(error) });
    }
    return { code: 500 };
  }

  /** What waited for its turn until it was late is not begun: the platform will send it again. */
  async #receiveInTime(payload: Uint8Array): Promise<object | undefined | typeof LATE> {
    const late = Promise.withResolvers<typeof LATE>();
    const lateAt = performance.now() + this.#acknowledgeWithinMs;
    const timer = setTimeout(late.resolve, this.#acknowledgeWithinMs, LATE);
    const receive = () => this.#receive(Buffer.from(payload).toString('utf8'));
    const turn = this.#turns.take(() => {
      return performance.now() >= lateAt ? LATE : Promise.race([receive(), late.promise]);
    });
    try {
      return await Promise.race([turn, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #write(frame: Frame, outcome: Outcome, tookMs: number): { acknowledgement: Frame; code: Outcome['code'] } {
    try {
      return { acknowledgement: acknowledge(frame, outcome, tookMs), code: outcome.code };
    } catch (error) {
      this.#log.error('the answer to a callback cannot be written as JSON', { ...idsOf(frame), ...describe(error) });
      return { acknowledgement: acknowledge(frame, { code: 500 }, tookMs), code: 500 };
    }
  }
}

/** What to find an event by. The platform writes them: cut short, so that none floods the log. */
export function idsOf(frame: Frame): { messageId: string | undefined; traceId: string | undefined } {
  return {
    messageId: headerOf(frame, 'message_id')?.slice(0, 128),
    traceId: headerOf(frame, 'trace_id')?.slice(0, 128),
  };
}

/** Only our own errors are known to quote no payload. */
function describe(error: unknown): Record<string, unknown> {
  if (error instanceof FeishuError) return { code: error.code, reason: error.message };
  return { reason: error instanceof Error ? error.name : typeof error };
}
