import {
  type Accepted,
  acceptedChannel,
  type Processed,
  processedChannel,
  type Rejected,
  rejectedChannel,
} from '../observability/diagnostics-channels.ts';
import type { EventLog, EventRecord } from './event-log.ts';
import { apiCallChannel, type ObservedCall } from './functions/observe-api-calls.ts';
import type { Inspector } from './inspector/inspector.ts';

/**
 * Creates the function that passes what the functions publish on diagnostics channels to the event log and the inspector.
 *
 * @param options `onNotice` is called with the reason for an event without a handler, once for each reason;
 *   `onProcessed` with an event after each attempt
 */
export function createPublishListener(
  eventLog: EventLog,
  inspector: Pick<Inspector, 'accepted' | 'called'>,
  { onNotice, onProcessed }: { onNotice: (text: string) => void; onProcessed?: (record: EventRecord) => void },
) {
  const reported = new Set<string>();
  const reportNoHandler = ({ outcome, reason }: Processed) => {
    if (outcome !== 'unhandled' || reason === undefined || reported.has(reason)) return;
    reported.add(reason);
    onNotice(reason);
  };
  const reportProcessed = (processed: Processed) => {
    reportNoHandler(processed);
    const record = eventLog.find(processed.messageId);
    if (record !== undefined) onProcessed?.(record);
  };
  return (channel: string, message: unknown): void => {
    switch (channel) {
      case acceptedChannel.name:
        inspector.accepted(message as Accepted);
        eventLog.accepted(message as Accepted);
        break;
      case rejectedChannel.name:
        eventLog.rejected(message as Rejected);
        break;
      case processedChannel.name:
        eventLog.processed(message as Processed);
        reportProcessed(message as Processed);
        break;
      case apiCallChannel.name:
        inspector.called(message as ObservedCall);
    }
  };
}
