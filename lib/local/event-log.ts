import type { SQSRecord } from 'aws-lambda';
import type { EventHeader } from '../feishu/envelope.ts';
import { ERROR_STATUS, type ErrorCode } from '../feishu/errors.ts';
import type { EventSource } from '../handler.ts';
import type { Accepted, Outcome, Processed, Rejected } from '../observability/diagnostics-channels.ts';
import { attemptOf, readDelivery } from '../worker/processor.ts';
import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';
import type { RestoredMessage } from './emulators/emulators.ts';

export const EVENT_STATUSES = [
  'queued',
  'handled',
  'answered',
  'retrying',
  'continued',
  'dropped',
  'unhandled',
  'dead',
  'redriven',
  'duplicate',
  'rejected',
] as const;
/**
 * `answered`: a callback that had its response and has no handler that processes it from the queue. `dropped`: its
 * handler threw a `Drop`. `continued`: its handler threw a `Continue`, so that it runs again. `unhandled`: it has no handler. `redriven`: it was a dead letter, and its copy is back in the
 * queue. `rejected`: not an event, but a request that the webhook rejected.
 */
export type EventStatus = (typeof EVENT_STATUSES)[number];

/**
 * One delivery by the platform and its outcome. An event that is delivered twice has two records. A rejected request has
 * one too, without its body.
 */
export interface EventRecord {
  /** The id of the queue message; for a rejected request, its number in this list. */
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
  /** The duration of the last attempt. */
  handleMilliseconds?: number;
  /** Why the last attempt failed, why the event was dropped or has no handler, or why the request was rejected. */
  lastError?: string;
  /** When the next attempt starts, as long as the event waits for it. */
  retryAt?: string | undefined;
  /** The dead letter that this event is a copy of. */
  redriveOf?: string;
  /** The error code of a rejected request, or of an event that the intake could not read. */
  code?: ErrorCode;
}

/** One delivery of an event to the worker. */
export interface Attempt {
  /** ISO 8601 */
  startedAt: string;
  /** Missing while it runs. `retrying` also means the last failure. */
  outcome?: Outcome;
  milliseconds?: number;
  reason?: string;
}

/** What is known about an event, but not listed. */
interface Deliveries {
  attempts: Attempt[];
  /** How many a rate limit or a `Continue` returned. They do not count as attempts. */
  returns: number;
  /** Of the last delivery. */
  receiptHandle?: string;
}

const MAXIMUM_RECORDS = 10_000;
/** Anyone can send requests through a tunnel. They must not displace the events. */
const MAXIMUM_REJECTED = 100;
/** Ids, types and failure reasons come from outside and can have any length. */
const MAXIMUM_CHARACTERS = 16 * 1024 * 1024;

/**
 * Keeps the last 10,000 events, or as many as fit into 16 Mi characters, and the last 100 rejected requests. Two threads
 * report what happens to an event, in any order.
 */
export class EventLog {
  readonly #records = new Map<string, EventRecord>();
  readonly #deliveries = new Map<string, Deliveries>();
  readonly #onChange: (record: EventRecord) => void;
  #characters = 0;
  #rejected = 0;

  constructor(onChange: (record: EventRecord) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Lists the events and the rejected requests, oldest first. */
  list(): EventRecord[] {
    return [...this.#records.values()];
  }

  /** Lists the events, oldest first. */
  listEvents(): EventRecord[] {
    return this.list().filter(({ status }) => status !== 'rejected');
  }

  find(messageId: string): EventRecord | undefined {
    return this.#records.get(messageId);
  }

  /** Lists the attempts since the stack has started, oldest first. */
  attemptsOf(messageId: string): readonly Attempt[] {
    return this.#deliveries.get(messageId)?.attempts ?? [];
  }

  /** @returns `undefined` unless the event waits for its next attempt */
  receiptHandleOf(messageId: string): string | undefined {
    const isWaiting = this.#records.get(messageId)?.retryAt !== undefined;
    return isWaiting ? this.#deliveries.get(messageId)?.receiptHandle : undefined;
  }

  accepted({ messageId, header, reason, source, receivedAt, acknowledgedAt }: Accepted): void {
    const fields = { source, receivedAt, acknowledgedAt, ...(reason !== undefined && { lastError: reason }) };
    this.#change(
      messageId,
      header ? { ...headerFields(header), ...fields } : { ...unreadableFields(reason), ...fields, status: 'dead' },
    );
  }

  rejected({ code, reason, receivedAt }: Rejected): void {
    this.#rejected += 1;
    const fields = { source: 'webhook', code, lastError: reason, receivedAt } as const;
    this.#change(`rejected-${this.#rejected}`, { status: 'rejected', ...fields });
    this.#remove(`rejected-${this.#rejected - MAXIMUM_REJECTED}`);
  }

  /** Adds a message that an earlier process left. */
  restored({ record, isDead, reason, returns }: RestoredMessage): void {
    this.#deliveriesOf(record.messageId).returns = returns;
    // The receive count of a dead letter grows each time it is read.
    const attempts = Math.min(attemptOf(record) - returns, MAXIMUM_DELIVERIES);
    const isLast = isDead || attempts >= MAXIMUM_DELIVERIES;
    const status = isLast ? 'dead' : attempts === 0 ? 'queued' : 'retrying';
    const lastError = reason === undefined ? {} : { lastError: reason };
    this.#change(record.messageId, { ...messageFields(record, reason), attempts, status, ...lastError });
  }

  delivered(record: SQSRecord): void {
    const dead = this.#records.get(record.messageAttributes.redriveOf?.stringValue ?? '');
    if (dead?.status === 'dead') this.#change(dead.messageId, { status: 'redriven' });
    const isKnown = this.#records.has(record.messageId);
    const deliveries = this.#deliveriesOf(record.messageId);
    const attempt = attemptOf(record) - deliveries.returns;
    // Further deliveries only move the message to the dead-letter queue.
    const attempts = Math.min(attempt, MAXIMUM_DELIVERIES);
    if (attempt === attempts) deliveries.attempts.push({ startedAt: new Date().toISOString() });
    deliveries.receiptHandle = record.receiptHandle;
    this.#change(record.messageId, { ...(isKnown ? {} : messageFields(record)), attempts, retryAt: undefined });
  }

  processed({ messageId, outcome, reason, milliseconds, retryAt }: Processed): void {
    const fields = { handleMilliseconds: milliseconds, ...(reason !== undefined && { lastError: reason }) };
    if (outcome === 'limited' || outcome === 'continued') this.#deliveriesOf(messageId).returns += 1;
    this.#endAttempt(messageId, { outcome, milliseconds, ...(reason !== undefined && { reason }) });
    const status = this.#statusAfter(outcome, messageId);
    this.#change(messageId, { status, ...fields, retryAt });
  }

  /** @param visibilityTimeoutSeconds the message is delivered again when it has passed since the last delivery */
  failed(messageId: string, lastError: string, visibilityTimeoutSeconds: number): void {
    const status = this.#statusAfterFailure(messageId);
    const startedAt = this.attemptsOf(messageId).at(-1)?.startedAt;
    const isLast = status === 'dead' || startedAt === undefined;
    const retryAt = isLast
      ? undefined
      : new Date(Date.parse(startedAt) + visibilityTimeoutSeconds * 1000).toISOString();
    this.#endAttempt(messageId, { outcome: 'retrying', reason: lastError });
    this.#change(messageId, { status, lastError, retryAt });
  }

  #deliveriesOf(messageId: string): Deliveries {
    const known = this.#deliveries.get(messageId);
    if (known !== undefined) return known;
    const deliveries = { attempts: [], returns: 0 };
    this.#deliveries.set(messageId, deliveries);
    return deliveries;
  }

  #endAttempt(messageId: string, result: Omit<Attempt, 'startedAt'>): void {
    const attempt = this.attemptsOf(messageId).at(-1);
    // A batch can fail after the outcomes of some of its events.
    if (attempt === undefined || attempt.outcome !== undefined) return;
    Object.assign(attempt, result);
    this.#characters += result.reason?.length ?? 0;
  }

  #statusAfter(outcome: Outcome, messageId: string): EventStatus {
    if (outcome === 'limited') return 'retrying';
    return outcome === 'retrying' ? this.#statusAfterFailure(messageId) : outcome;
  }

  #statusAfterFailure(messageId: string): EventStatus {
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
    for (const messageId of this.#records.keys()) {
      if (this.#records.size <= MAXIMUM_RECORDS && this.#characters <= MAXIMUM_CHARACTERS) return;
      this.#remove(messageId);
    }
  }

  #remove(messageId: string): void {
    const reasons = this.attemptsOf(messageId).map(({ reason }) => reason?.length ?? 0);
    this.#characters -= charactersOf(this.#records.get(messageId)) + reasons.reduce((sum, length) => sum + length, 0);
    this.#records.delete(messageId);
    this.#deliveries.delete(messageId);
  }
}

/** Counts the characters of the fields that can be long. */
function charactersOf({ id, type, lastError }: Partial<EventRecord> = {}): number {
  return [id, type, lastError].reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

/**
 * Describes an event with an unknown envelope, which the intake leaves in the dead-letter queue.
 *
 * @param reason starts with the error code
 */
function unreadableFields(reason = ''): Partial<EventRecord> {
  const [code = ''] = reason.split(':', 1);
  return Object.hasOwn(ERROR_STATUS, code) ? { code: code as ErrorCode } : MALFORMED;
}

/** A message that the intake did not write. After five attempts, the worker leaves it in the dead-letter queue. */
const MALFORMED = { type: '(malformed message)' };

function headerFields({ id, type, version }: NonNullable<Accepted['header']>): Partial<EventRecord> {
  return { id, type, version };
}

function messageFields(record: SQSRecord, reason?: string): Partial<EventRecord> {
  try {
    const { envelope, source, receivedAt, redriveOf } = readDelivery(record);
    const copied = redriveOf === undefined ? {} : { redriveOf };
    return { ...headerFields(envelope.header), source, receivedAt: receivedAt.toISOString(), ...copied };
  } catch {
    return unreadableFields(reason);
  }
}
