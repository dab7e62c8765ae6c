import { type EventEnvelope, type JsonObject, readEnvelope } from '../feishu/envelope.ts';
import type { CallbackContext } from '../handler.ts';
import { parseBigIntegers } from '../util/exact-json.ts';

/** A verified event, decrypted and parsed. */
export interface ReceivedEvent {
  envelope: EventEnvelope;
  /** The JSON text that the envelope was parsed from. */
  text: string;
}

/** The members of a handler's context that describe the event itself. */
export type EventMembers = 'header' | 'exactEvent' | 'rawJson';

/** Returns the members of a handler's context that describe the event. */
export function describeEvent({ envelope, text }: ReceivedEvent): Pick<CallbackContext, EventMembers> {
  return {
    header: envelope.header,
    exactEvent: () => (readEnvelope(parseBigIntegers(text) as JsonObject) as EventEnvelope).event,
    rawJson: () => text,
  };
}
