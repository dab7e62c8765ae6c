import { randomUUID } from 'node:crypto';
import { CALLBACK_TYPES, OLD_CARD_TYPE } from '../feishu/envelope.ts';
import type { EventPayloads, EventPayloadsV1 } from '../feishu/event-types.ts';
import { CALLBACKS } from './callbacks.ts';
import { EVENTS, EVENTS_V1 } from './events.ts';
import { GENERATED, GENERATED_V1 } from './generated.ts';
import { MESSAGES, MESSAGES_V1, message } from './messages.ts';
import { APP, TENANT, uniqueId } from './sample-values.ts';

export interface SampleOptions {
  version: '1.0' | '2.0';
  /** The Verification Token. */
  token: string | undefined;
  /** One of the type's {@link SampleType.variants}. Default: the first. */
  variant?: string;
  /** A payload to use instead of the sample. */
  event?: object;
}

/** An event type with its samples. */
export interface SampleType {
  type: string;
  version: '1.0' | '2.0';
  /** The versions for which `EventPayloads` and `EventPayloadsV1` declare the type. */
  declaredVersions: readonly ('1.0' | '2.0')[];
  isCallback: boolean;
  /** The names of the samples, such as kinds of messages. Empty if the only sample is generated from the types. */
  variants: readonly string[];
}

type Payloads = EventPayloads & EventPayloadsV1;
type Variants = Readonly<Record<string, () => object>>;

const GENERATED_PAYLOADS: ReadonlyMap<string, object> = new Map<string, object>([
  ...Object.entries(GENERATED),
  ...Object.entries(GENERATED_V1),
]);
const VARIANTS: ReadonlyMap<string, Variants> = new Map<string, Variants>([
  ['im.message.receive_v1', MESSAGES],
  ['message', MESSAGES_V1],
  ...Object.entries(CALLBACKS),
  ...Object.entries(EVENTS),
  ...Object.entries(EVENTS_V1),
]);

/** Every type of `EventPayloads` and `EventPayloadsV1`, v2.0 first, each in alphabetical order. */
export const SAMPLE_TYPES: readonly SampleType[] = [...GENERATED_PAYLOADS.keys()].map((type) => ({
  type,
  version: versionOf(type),
  declaredVersions: [
    ...(Object.hasOwn(GENERATED, type) ? (['2.0'] as const) : []),
    ...(Object.hasOwn(GENERATED_V1, type) ? (['1.0'] as const) : []),
  ],
  isCallback: CALLBACK_TYPES.has(type),
  variants: Object.keys(VARIANTS.get(type) ?? {}),
}));

/** v1.0 types have no dot in their name. */
export function versionOf(type: string): '1.0' | '2.0' {
  return type.includes('.') && type !== OLD_CARD_TYPE ? '2.0' : '1.0';
}

/**
 * Creates an event in the platform's format, with unique ids.
 *
 * @param type one of {@link SAMPLE_TYPES}; any other type gets an empty payload
 * @returns the event's JSON
 * @throws {TypeError} if there is no such variant
 */
export function createSample(type: string, { version, token = '', variant, event }: SampleOptions): string {
  const payload = event ?? findPayload(type, variant) ?? {};
  if (type === OLD_CARD_TYPE) return JSON.stringify(payload);
  return JSON.stringify(version === '2.0' ? envelope2(type, token, payload) : envelope1(type, token, payload));
}

/**
 * Creates the payload of an event without its envelope, for a test of its handler.
 *
 * @param variant one of the type's {@link SampleType.variants}. Default: the first.
 * @throws {TypeError} if there is no such variant, or no sample of the type
 */
export function samplePayload<Type extends keyof Payloads>(type: Type, variant?: string): Payloads[Type] {
  const payload = findPayload(type, variant);
  if (payload === undefined) throw new TypeError(`There is no sample of ${type}. Write its payload yourself.`);
  // A copy, because a test may change it.
  return structuredClone(payload) as Payloads[Type];
}

/** @throws {TypeError} if there is no such variant */
function findPayload(type: string, variant: string | undefined): object | undefined {
  const variants = VARIANTS.get(type) ?? {};
  const name = variant ?? Object.keys(variants)[0];
  if (name === undefined) return GENERATED_PAYLOADS.get(type);
  if (!Object.hasOwn(variants, name)) {
    const known = Object.keys(variants);
    const choice = known.length === 0 ? 'It has only one sample.' : `Choose one of: ${known.join(', ')}.`;
    throw new TypeError(`There is no sample "${name}" of ${type}. ${choice}`);
  }
  return (variants[name] as () => object)();
}

function envelope2(event_type: string, token: string, event: object) {
  return {
    schema: '2.0',
    header: {
      event_id: randomUUID(),
      event_type,
      create_time: `${Date.now()}`,
      token,
      app_id: APP,
      tenant_key: TENANT,
    },
    event,
  };
}

function envelope1(type: string, token: string, event: object) {
  // An `app_ticket` belongs to the app, not to a tenant.
  const origin = type === 'app_ticket' ? { app_id: APP } : { app_id: APP, tenant_key: TENANT };
  return {
    ts: `${Date.now() / 1000}`,
    uuid: uniqueId(),
    token,
    type: 'event_callback',
    event: { type, ...origin, ...event },
  };
}

/** Creates the payload of a text message. */
export function textMessage(text: string): EventPayloads['im.message.receive_v1'] {
  return message('text', { text });
}
