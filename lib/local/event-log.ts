import type { SQSRecord } from 'aws-lambda';
import type { EventHeader } from '../feishu/envelope.ts';
import type { EventSource } from '../handler.ts';
import type { Accepted, Outcome, Processed } from '../observability/diagnostics-channels.ts';
import { attemptOf, readDelivery } from '../worker/processor.ts';
import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';
import type { KeptRecord } from './emulators/emulators.ts';

export const EVENT_STATUSES = ['queued', 'handled', 'retrying', 'dropped', 'dead', 'redriven', 'duplicate'] as const;
/** `redriven`: it was dead, and a copy of it has taken its place. */
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** One delivery of the platform, and what became of it. An event delivered twice is there twice. */
export interface EventRecord {
  /** The queue message's. */
  messageId: string;
  id?: string | undefined;
  type?: string;
  version?: EventHeader['version'];
  source?: EventSource;
  status: EventStatus;
  attempts: number;
  /** Times are ISO 8601. */
  receivedAt?: string;
  acknowledgedAt?: string;
  updatedAt: string;
  /** What the last attempt took the worker. */
  handleMilliseconds?: number;
  /** Why the last attempt failed, or why the event was dropped. */
  lastError?: string;
}

const MAXIMUM_RECORDS = 10_000;
/** Ids, types and reasons come from outside, and are of any length. */
const MAXIMUM_CHARACTERS = 16 * 1024 * 1024;
const STATUS_OF_OUTCOME: Record<Exclude<Outcome, 'retrying'>, EventStatus> = {
  handled: 'handled',
  dropped: 'dropped',
  unhandled: 'dropped',
  duplicate: 'duplicate',
};

/** Remembers the last 10,000 events, or as many as fit into 16 Mi characters. It hears of an event from two threads, in any order. */
export class EventLog {
  readonly #records = new Map<string, EventRecord>();
  readonly #onChange: (record: EventRecord) => void;
  #characters = 0;

  constructor(onChange: (record: EventRecord) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** From the oldest to the newest. */
  list(): EventRecord[] {
    return [...this.#records.values()];
  }

  find(messageId: string): EventRecord | undefined {
    return this.#records.get(messageId);
  }

  accepted({ messageId, header, source, receivedAt, acknowledgedAt }: Accepted): void {
    this.#change(messageId, { ...headerFields(header), source, receivedAt, acknowledgedAt });
  }

  /** An earlier process has left the message. */
  kept({ record, isDead, reason }: KeptRecord): void {
    // The queue counts on when a dead letter is looked at.
    const attempts = Math.min(attemptOf(record), MAXIMUM_DELIVERIES);
    const isLast = isDead || attempts >= MAXIMUM_DELIVERIES;
    const status = isLast ? 'dead' : attempts === 0 ? 'queued' : 'retrying';
    const lastError = reason === undefined ? {} : { lastError: reason };
    this.#change(record.messageId, { ...messageFields(record), attempts, status, ...lastError });
  }

  delivered(record: SQSRecord): void {
    const dead = this.#records.get(record.messageAttributes.redriveOf?.stringValue ?? '');
    if (dead?.status === 'dead') this.#change(dead.messageId, { status: 'redriven' });
    const isKnown = this.#records.has(record.messageId);
    this.#change(record.messageId, { ...(isKnown ? {} : messageFields(record)), attempts: attemptOf(record) });
  }

  settled({ messageId, outcome, reason, milliseconds }: Processed): void {
    const fields = { handleMilliseconds: milliseconds, ...(reason !== undefined && { lastError: reason }) };
    const status = outcome === 'retrying' ? this.#statusOfFailed(messageId) : STATUS_OF_OUTCOME[outcome];
    this.#change(messageId, { status, ...fields });
  }

  failed(messageId: string, lastError: string): void {
    this.#change(messageId, { status: this.#statusOfFailed(messageId), lastError });
  }

  #statusOfFailed(messageId: string): EventStatus {
    const attempts = this.#records.get(messageId)?.attempts ?? 0;
    return attempts >= MAXIMUM_DELIVERIES ? 'dead' : 'retrying';
  }

  #change(messageId: string, fields: Partial<EventRecord>): void {
    const updatedAt = new Date().toISOString();
    const known = this.#records.get(messageId) ?? { messageId, status: 'queued', attempts: 0, updatedAt };
    const record = { ...known, ...fields, updatedAt };
    this.#characters += charactersOf(record) - charactersOf(this.#records.get(messageId));
    this.#records.set(messageId, record);
    this.#shrink();
    this.#onChange(record);
  }

  #shrink(): void {
    for (const [messageId, record] of this.#records) {
      if (this.#records.size <= MAXIMUM_RECORDS && this.#characters <= MAXIMUM_CHARACTERS) return;
      this.#records.delete(messageId);
      this.#characters -= charactersOf(record);
    }
  }
}

/** Of what may be long. */
function charactersOf({ id, type, lastError }: Partial<EventRecord> = {}): number {
  return [id, type, lastError].reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

function headerFields({ id, type, version }: EventHeader): Partial<EventRecord> {
  return { id, type, version };
}

function messageFields(record: SQSRecord): Partial<EventRecord> {
  try {
    const { envelope, source, receivedAt } = readDelivery(record);
    return { ...headerFields(envelope.header), source, receivedAt: receivedAt.toISOString() };
  } catch {
    return { type: '(malformed message)' };
  }
}
