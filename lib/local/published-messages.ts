import {
  type Accepted,
  acceptedChannel,
  type Processed,
  processedChannel,
  type Rejected,
  rejectedChannel,
} from '../observability/diagnostics-channels.ts';
import type { EventLog } from './event-log.ts';
import { apiCallChannel, type ObservedCall } from './functions/observe-api-calls.ts';
import type { Inspector } from './inspector/inspector.ts';

/**
 * Creates the function that passes what the functions publish on diagnostics channels to the event log and the inspector.
 *
 * @param onNotice called with the reason for an event without a handler, once for each reason
 */
export function createPublishListener(
  eventLog: EventLog,
  inspector: Pick<Inspector, 'accepted' | 'called'>,
  onNotice: (text: string) => void,
) {
  const reported = new Set<string>();
  const reportNoHandler = ({ outcome, reason }: Processed) => {
    if (outcome !== 'unhandled' || reason === undefined || reported.has(reason)) return;
    reported.add(reason);
    onNotice(reason);
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
        reportNoHandler(message as Processed);
        break;
      case apiCallChannel.name:
        inspector.called(message as ObservedCall);
    }
  };
}
