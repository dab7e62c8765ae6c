import { isUtf8 } from 'node:buffer';
import { FeishuError } from '../errors.ts';
import type { Log } from '../log.ts';
import { acknowledge, type Outcome } from './acknowledgement.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { type Frame, headerOf } from './frame.ts';

/**
 * Receives an event. Resolves once the event is queued, for a callback with its response. If it rejects, the platform
 * sends the event again.
 *
 * @param text the event's JSON exactly as received
 */
export type Receive = (text: string) => Promise<object | undefined>;

/** Called after each acknowledgement is sent, with the milliseconds it took and 200 if the event is queued. */
export type Acknowledged = (tookMs: number, code: Outcome['code']) => void;

/** @returns whether the connection was still open */
type Send = (frame: Frame) => boolean;

const LATE = Symbol('late');

/** Enough to keep the queue busy, but few enough for each to finish in time. */
const MAXIMUM_RECEIVING = 200;
/** More than can be received in time; further events would only use memory. */
const MAXIMUM_IN_FLIGHT = 3_000;
/** The total size of all events in flight. */
const MAXIMUM_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** Events of all connections that have arrived but are not yet acknowledged. */
export class Deliveries {
  readonly #inFlight = new Set<Promise<void>>();
  #bytesInFlight = 0;
  readonly #limit = new ConcurrencyLimit(MAXIMUM_RECEIVING);
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
   * Receives an event and acknowledges it in time, even if receiving fails. Rejects it if too many are in flight.
   *
   * @param frame the frame that completed the event
   * @param payload the event's JSON, joined from all fragments
   */
  accept(frame: Frame, payload: Uint8Array, send: Send): void {
    const bytes = this.#bytesInFlight + payload.length;
    if (this.#inFlight.size >= MAXIMUM_IN_FLIGHT || bytes > MAXIMUM_BYTES_IN_FLIGHT) {
      this.#log.warn('Event rejected: too many events are in flight', idsOf(frame));
      this.reject(frame, send);
      return;
    }
    this.#bytesInFlight = bytes;
    const delivery = this.#deliver(frame, payload, send)
      .catch((error) => this.#log.error('Acknowledging an event failed', { ...idsOf(frame), ...describe(error) }))
      .finally(() => {
        this.#inFlight.delete(delivery);
        this.#bytesInFlight -= payload.length;
      });
    this.#inFlight.add(delivery);
  }

  /** Acknowledges an event with 500, so that the platform sends it again. */
  reject(frame: Frame, send: Send): void {
    this.#sendAcknowledgement(acknowledge(frame, { code: 500 }, 0), 500, 0, send);
  }

  /** Resolves once all events in flight are acknowledged. */
  async drain(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #deliver(frame: Frame, payload: Uint8Array, send: Send): Promise<void> {
    const arrivedAt = performance.now();
    const outcome = await this.#receiveEvent(frame, payload);
    const tookMs = performance.now() - arrivedAt;
    const { acknowledgement, code } = this.#createAcknowledgement(frame, outcome, tookMs);
    this.#sendAcknowledgement(acknowledgement, code, tookMs, send);
  }

  #sendAcknowledgement(acknowledgement: Frame, code: Outcome['code'], tookMs: number, send: Send): void {
    const ids = idsOf(acknowledgement);
    if (!send(acknowledgement)) {
      this.#log.warn('The connection was lost before an event was acknowledged; the platform will send it again', ids);
      return;
    }
    this.#log.debug('Event acknowledged', { ...ids, code, tookMs: Math.round(tookMs) });
    this.#acknowledged(tookMs, code);
  }

  async #receiveEvent(frame: Frame, payload: Uint8Array): Promise<Outcome> {
    if (!isUtf8(payload)) {
      this.#log.error('Event rejected: its payload is not valid UTF-8', idsOf(frame));
      return { code: 500 };
    }
    try {
      const response = await this.#receiveInTime(payload);
      if (response !== LATE) return { code: 200, response };
      this.#log.error(`Event not queued within ${this.#acknowledgeWithinMs} ms`, idsOf(frame));
    } catch (error) {
      this.#log.error('Event not queued', { ...idsOf(frame), ...describe(error) });
    }
    return { code: 500 };
  }

  /** Skips an event that waited beyond the time limit, because the platform sends it again. */
  async #receiveInTime(payload: Uint8Array): Promise<object | undefined | typeof LATE> {
    const late = Promise.withResolvers<typeof LATE>();
    const lateAt = performance.now() + this.#acknowledgeWithinMs;
    const timer = setTimeout(late.resolve, this.#acknowledgeWithinMs, LATE);
    const receive = () => this.#receive(Buffer.from(payload).toString('utf8'));
    const received = this.#limit.run(() => {
      return performance.now() >= lateAt ? LATE : Promise.race([receive(), late.promise]);
    });
    try {
      return await Promise.race([received, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #createAcknowledgement(
    frame: Frame,
    outcome: Outcome,
    tookMs: number,
  ): { acknowledgement: Frame; code: Outcome['code'] } {
    try {
      return { acknowledgement: acknowledge(frame, outcome, tookMs), code: outcome.code };
    } catch (error) {
      this.#log.error('The response to a callback cannot be written as JSON', { ...idsOf(frame), ...describe(error) });
      return { acknowledgement: acknowledge(frame, { code: 500 }, tookMs), code: 500 };
    }
  }
}

/** Returns the ids that identify an event in the log, truncated because they come from outside. */
export function idsOf(frame: Frame): { messageId: string | undefined; traceId: string | undefined } {
  return {
    messageId: headerOf(frame, 'message_id')?.slice(0, 128),
    traceId: headerOf(frame, 'trace_id')?.slice(0, 128),
  };
}

/** Logs the messages of `FeishuError` only: others may quote the payload. */
function describe(error: unknown): Record<string, unknown> {
  if (error instanceof FeishuError) return { code: error.code, reason: error.message };
  return { reason: error instanceof Error ? error.name : typeof error };
}
