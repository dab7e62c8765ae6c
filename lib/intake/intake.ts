import type { EventSource, Log } from '../handler.ts';
import type { ReceivedEvent } from '../handler-runtime/handler-input.ts';
import { type Accepted, acceptedChannel } from '../observability/diagnostics-channels.ts';
import { shorten } from '../observability/log-text.ts';
import { startDeadline } from '../util/deadline.ts';
import type { RespondToCallback } from './callbacks.ts';
import type { Queue } from './event-queue.ts';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from './time-limit.ts';

export interface IntakeEvent extends ReceivedEvent {
  source: EventSource;
  /** When it arrived, in milliseconds since the epoch. */
  receivedAt: number;
  requestId: string | undefined;
}

/**
 * Accepts an event from either transport. When the promise resolves, SQS has stored the event and it can be
 * acknowledged.
 *
 * @returns the response to a callback, `undefined` for an event
 * @throws {FeishuError} `FEISHU_QUEUE_UNAVAILABLE`, within 2.5 s of the event's arrival
 */
export type Intake = (event: IntakeEvent) => Promise<object | undefined>;

export interface IntakeParts {
  queue: Queue;
  respondToCallback: RespondToCallback;
  /** Creates the log for a callback handler. */
  createLog: (fields: Record<string, unknown>) => Log;
  /** Called when SQS has stored an event. Default: publishes it on a diagnostics channel. */
  onAccepted?: (accepted: Accepted) => void;
}

export function createIntake(parts: IntakeParts): Intake {
  const { queue, respondToCallback, createLog, onAccepted = (accepted) => acceptedChannel.publish(accepted) } = parts;
  return async ({ envelope, text, source, receivedAt, requestId }) => {
    using deadline = startDeadline(receivedAt + RESPONSE_TIME_LIMIT_MILLISECONDS - Date.now());
    const { kind, header } = envelope;
    const { id, type, version } = header;
    const { signal } = deadline;
    const queued = queue.send(envelope, { text, source, receivedAt: new Date(receivedAt), requestId }, signal);
    const log = () => createLog({ event_id: shorten(id), event_type: shorten(type) });
    const [messageId, response] = await Promise.all([
      queued,
      kind === 'callback' ? respondToCallback({ envelope, text }, { source, signal, log: log() }) : undefined,
    ]);
    onAccepted({
      messageId,
      // Without the other fields, which can be nested too deeply to copy to another thread.
      header: { id, type, version },
      text,
      ...(response !== undefined && { response: JSON.stringify(response) }),
      source,
      receivedAt: new Date(receivedAt).toISOString(),
      acknowledgedAt: new Date().toISOString(),
    });
    return response;
  };
}
