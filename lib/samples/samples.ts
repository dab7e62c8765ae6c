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
  /** The Verification Token to put in. */
  token: string | undefined;
  /** One of the type's {@link SampleType.variants}; the first unless told. */
  variant?: string;
  /** Instead of the type's own sample. */
  event?: object;
}

/** An event type that there is a sample of. */
export interface SampleType {
  type: string;
  version: '1.0' | '2.0';
  isCallback: boolean;
  /** What the samples show, such as a message's kind. Empty where the only one was generated from the payload's type. */
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
  isCallback: CALLBACK_TYPES.has(type),
  variants: Object.keys(VARIANTS.get(type) ?? {}),
}));

/** v1.0 types have no dot in their name. */
export function versionOf(type: string): '1.0' | '2.0' {
  return type.includes('.') && type !== OLD_CARD_TYPE ? '2.0' : '1.0';
}

/**
 * Makes an event as the platform would send it, with ids of its own.
 *
 * @param type one of {@link SAMPLE_TYPES}; the payload of any other is empty
 * @returns its JSON
 */
export function createSample(type: string, { version, token = '', variant, event }: SampleOptions): string {
  const payload = event ?? findPayload(type, variant) ?? {};
  if (type === OLD_CARD_TYPE) return JSON.stringify(payload);
  return JSON.stringify(version === '2.0' ? envelope2(type, token, payload) : envelope1(type, token, payload));
}

/**
 * Makes the payload of an event alone, for a test of its handler.
 *
 * @param variant one of the type's {@link SampleType.variants}; the first unless told
 * @throws {TypeError} when there is no such variant, or no sample of the type
 */
export function samplePayload<Type extends keyof Payloads>(type: Type, variant?: string): Payloads[Type] {
  const payload = findPayload(type, variant);
  if (payload === undefined) throw new TypeError(`There is no sample of ${type}: write its payload yourself.`);
  // A test may change it.
  return structuredClone(payload) as Payloads[Type];
}

/** @throws {TypeError} when there is no such variant */
function findPayload(type: string, variant: string | undefined): object | undefined {
  const variants = VARIANTS.get(type) ?? {};
  const name = variant ?? Object.keys(variants)[0];
  if (name === undefined) return GENERATED_PAYLOADS.get(type);
  if (!Object.hasOwn(variants, name)) {
    const known = Object.keys(variants);
    const choice = known.length === 0 ? 'there is but one sample of it' : `there is ${known.join(', ')}`;
    throw new TypeError(`There is no "${name}" of ${type}: ${choice}.`);
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
  // The `app_ticket` is the app's own, and of no tenant.
  const origin = type === 'app_ticket' ? { app_id: APP } : { app_id: APP, tenant_key: TENANT };
  return {
    ts: `${Date.now() / 1000}`,
    uuid: uniqueId(),
    token,
    type: 'event_callback',
    event: { type, ...origin, ...event },
  };
}

/** The payload of a text message. */
export function textMessage(text: string): EventPayloads['im.message.receive_v1'] {
  return message('text', { text });
}
