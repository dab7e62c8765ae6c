import { type EventEnvelope, type JsonObject, readEnvelope } from '../feishu/envelope.ts';
import type { CallbackContext, CallbackHandler, EventHandler } from '../handler.ts';
import { parseBigIntegers } from '../util/exact-json.ts';

/** A verified event, decrypted and parsed. */
export interface ReceivedEvent {
  envelope: EventEnvelope;
  /** The JSON text that the envelope was parsed from. */
  text: string;
}

/** The members of a handler's context that describe the event itself. */
export type EventMembers = 'header' | 'exactEvent' | 'rawJson';

/** What a handler receives of an event: its payload, and the members of its context that describe the event. */
export interface HandlerInput {
  payload: JsonObject;
  members: Pick<CallbackContext, EventMembers>;
}

export function readHandlerInput(
  { kind }: EventHandler | CallbackHandler,
  { envelope, text }: ReceivedEvent,
): HandlerInput {
  const payloadOf = kind === 'v1' ? payloadOfVersion1 : ({ event }: EventEnvelope) => event;
  return {
    payload: payloadOf(envelope),
    members: {
      header: envelope.header,
      exactEvent: () => payloadOf(readEnvelope(parseBigIntegers(text) as JsonObject) as EventEnvelope),
      rawJson: () => text,
    },
  };
}

/** A v1.0 payload contains the type, the tenant and the app. If the envelope is a v2.0 one, its header contains them. */
function payloadOfVersion1({ header, event }: EventEnvelope): JsonObject {
  if (header.version === '1.0') return event;
  const { type, tenant, app } = header;
  return { type, ...(tenant && { tenant_key: tenant }), ...(app && { app_id: app }), ...event };
}
