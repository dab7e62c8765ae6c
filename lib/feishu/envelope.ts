import { FeishuError } from './errors.ts';
import { parseCreationTime } from './timestamp.ts';

/** A request by which the platform verifies that the request URL belongs to the app. */
export interface UrlVerification {
  kind: 'url-verification';
  challenge: string;
  token: string | undefined;
}

/** An event's metadata, the same for every version and transport. */
export interface EventHeader {
  /** `header.event_id` (v2.0) or `uuid` (v1.0). Some events have none, or an empty one. */
  readonly id: string | undefined;
  readonly type: string;
  readonly version: '1.0' | '2.0';
  /** The key of the tenant (company) that the event comes from. */
  readonly tenant: string | undefined;
  /** The id of the app that subscribed to the event. */
  readonly app: string | undefined;
  readonly created: Date | undefined;
  /** All header fields as the platform sent them, except the Verification Token. Empty for the old card callback. */
  readonly fields: HeaderFields;
}

/**
 * The fields of `header` (v2.0), or those next to `event` (v1.0). Only some are documented, and only for some types.
 *
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/event-structure
 */
export interface HeaderFields {
  readonly event_id?: string;
  readonly event_type?: string;
  /** Milliseconds or microseconds, depending on the event type. */
  readonly create_time?: string;
  /** In place of `create_time` in approvals of trips: seconds with a fraction. */
  readonly event_create_time?: string;
  readonly app_id?: string;
  readonly tenant_key?: string;
  /** The token of the file that a drive event is about. */
  readonly resource_id?: string;
  /** The users who subscribed to the file that a drive event is about. */
  readonly user_list?: readonly { readonly open_id?: string; readonly union_id?: string; readonly user_id?: string }[];
  /** v1.0: seconds with a fraction. */
  readonly ts?: string;
  /** v1.0: the event's id. */
  readonly uuid?: string;
  /** v1.0: `event_callback`, not the event's type. */
  readonly type?: string;
  readonly [field: string]: unknown;
}

/** An event or a callback of any version, received over any transport. */
export interface EventEnvelope {
  kind: 'event' | 'callback';
  header: EventHeader;
  /** The Verification Token. Empty over the long connection; `undefined` for the old card callback. */
  token: string | undefined;
  /** The `event` object. For the old card callback, the whole body. */
  event: JsonObject;
}

export type Envelope = UrlVerification | EventEnvelope;

export type JsonObject = { readonly [field: string]: unknown };

/** The SDKs' name for the old card callback, whose body contains no type. */
export const OLD_CARD_TYPE = 'card.action.trigger_v1';

/** The known callbacks. Callbacks expect a response with a body. The platform never sends them again. */
export const CALLBACK_TYPES: ReadonlySet<string> = new Set([
  'card.action.trigger',
  'url.preview.get',
  'profile.view.get',
  OLD_CARD_TYPE,
]);

/**
 * Parses the decrypted JSON text of a delivery.
 *
 * @param callbackTypes the types that are callbacks
 * @throws {FeishuError} `FEISHU_BODY_NOT_JSON`, or `FEISHU_ENVELOPE_UNKNOWN` if the text is not a v1.0 or v2.0 event, a
 *   URL verification or an old card callback
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/event-structure
 */
export function parseEnvelope(text: string, callbackTypes = CALLBACK_TYPES): Envelope {
  return readEnvelope(parseJsonObject(text), callbackTypes);
}

/** @throws {FeishuError} `FEISHU_BODY_NOT_JSON` if the text is not a JSON object */
export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: the parser's message quotes the body, which must not be logged.
    throw new FeishuError(
      'FEISHU_BODY_NOT_JSON',
      'The body is not valid JSON. Does something in front of this function change it?',
    );
  }
  if (!isObject(value)) throw new FeishuError('FEISHU_BODY_NOT_JSON', 'The body is not a JSON object.');
  return value;
}

/** @returns `undefined` if the text is not a JSON object */
export function tryParseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // It is not JSON.
  }
  return undefined;
}

/**
 * Reads a parsed body as a URL verification, an event or a callback.
 *
 * @param callbackTypes the types that are callbacks
 * @throws {FeishuError} `FEISHU_ENVELOPE_UNKNOWN` if it is none of them
 */
export function readEnvelope(body: JsonObject, callbackTypes = CALLBACK_TYPES): Envelope {
  if (isOldCard(body)) return readOldCard(body);
  if (body.type === 'url_verification') return readUrlVerification(body);
  const event = 'schema' in body || isObject(body.header) ? readVersion2(body) : readVersion1(body);
  return { kind: callbackTypes.has(event.header.type) ? 'callback' : 'event', ...event };
}

function readUrlVerification(body: JsonObject): UrlVerification {
  const challenge = asText(body.challenge);
  if (challenge === undefined) throw unknownEnvelope('the URL verification has no challenge');
  return { kind: 'url-verification', challenge, token: asText(body.token) };
}

function readVersion2(body: JsonObject): Omit<EventEnvelope, 'kind'> {
  const header = isObject(body.header) ? body.header : {};
  const { token, ...fields } = header;
  const type = asText(header.event_type);
  if (type === undefined) throw unknownEnvelope('the v2.0 envelope has no header.event_type');
  return {
    header: {
      id: asText(header.event_id),
      type,
      version: '2.0',
      tenant: asText(header.tenant_key),
      app: asText(header.app_id),
      created: parseCreationTime(header.create_time ?? header.event_create_time),
      fields,
    },
    token: asText(token),
    event: isObject(body.event) ? body.event : {},
  };
}

function readVersion1(body: JsonObject): Omit<EventEnvelope, 'kind'> {
  const { token, event: payload, ...fields } = body;
  // The top-level `type` should be "event_callback" but is empty in some events, so only `event.type` counts.
  const event = isObject(payload) ? payload : {};
  const type = asText(event.type);
  if (type === undefined) throw unknownEnvelope('it has neither a v2.0 header nor a v1.0 event.type');
  return {
    header: {
      id: asText(body.uuid),
      type,
      version: '1.0',
      tenant: asText(event.tenant_key),
      app: asText(event.app_id),
      created: parseCreationTime(body.ts),
      fields,
    },
    token: asText(token),
    event,
  };
}

/** The old card callback has no envelope, so its fields identify it. */
export function isOldCard(body: JsonObject): boolean {
  return (
    isObject(body.action) && asText(body.open_message_id) !== undefined && !('header' in body) && !('event' in body)
  );
}

function readOldCard(body: JsonObject): EventEnvelope {
  return {
    kind: 'callback',
    header: {
      id: undefined,
      type: OLD_CARD_TYPE,
      version: '1.0',
      tenant: asText(body.tenant_key),
      app: asText(body.app_id),
      created: undefined,
      fields: {},
    },
    // The body's `token` is for updating the card.
    token: undefined,
    event: body,
  };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns `undefined` if the value is not a string or is empty: the platform sends `""` for a missing value */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function unknownEnvelope(problem: string): FeishuError {
  return new FeishuError(
    'FEISHU_ENVELOPE_UNKNOWN',
    `The body is not a known kind of event: ${problem}. Is something other than the platform posting to this URL?`,
  );
}
