import type { EventRecord } from '../event-log.ts';

// What the page and its routes tell each other.

export type { EventRecord, EventStatus } from '../event-log.ts';

/** A line that a handler, or what runs it, has written about an event. */
export interface LogLine {
  /** ISO 8601 */
  timestamp: string;
  level: string;
  message: string;
  /** The line's other fields, each as `name=value`. */
  details: string[];
  /** Of an error that was logged, with the sources' names and lines. */
  stack?: string;
}

export interface EventDetails {
  record: EventRecord;
  /** The decrypted event, indented and without its tokens. `undefined`: it is no longer kept. */
  json?: string;
  lines: LogLine[];
}

/** A type of which a sample can be sent, with the names of its samples. */
export interface SampleChoice {
  type: string;
  variants: readonly string[];
}

/** An event to be sent. */
export type SendOrder =
  | { kind: 'sample'; type: string; variant?: string }
  /** The very event, once more. */
  | { kind: 'again'; messageId: string }
  /** @property from the event whose tokens stand where the text hides them */
  | { kind: 'text'; text: string; from?: string };

/** What the webhook answered. */
export interface SendResult {
  status: number;
  body: string;
  milliseconds: number;
}

/** `messageId`: only this one of the dead-letter queue. */
export interface RedriveOrder {
  messageId?: string;
}

export interface RedriveReport {
  moved: number;
  failed: number;
}

export const ROUTES = {
  script: '/_inspector/page.js',
  style: '/_inspector/page.css',
  live: '/_inspector/live',
  /** With `?message=<id>` */
  event: '/_inspector/event',
  /** With `?message=<id>`, or `?type=<type>&variant=<name>`: JSON to edit, with ids of its own. */
  draft: '/_inspector/draft',
  samples: '/_inspector/samples',
  send: '/_inspector/send',
  redrive: '/_inspector/redrive',
} as const;
