import { randomUUID } from 'node:crypto';
import { OLD_CARD_TYPE } from '../feishu/envelope.ts';
import type { EventPayloads, EventPayloadsV1 } from '../feishu/event-types.ts';

export interface SampleOptions {
  version: '1.0' | '2.0';
  /** The Verification Token to put in. */
  token: string | undefined;
  /** Instead of the type's own sample. */
  event?: object;
}

const TENANT = '2ca1d211f64f6438';
const APP = 'cli_a1b2c3d4e5f6g7h8';
const CHAT = 'oc_5ce6d572455d361153b7xx51da133945';
const USER = {
  union_id: 'on_8ed6aa67826108097d9ee143816345',
  user_id: 'e33ggbyz',
  open_id: 'ou_84aad35d084aa403a838cf73ee18467',
};

/** v1.0 types have no dot in their name. */
export function versionOf(type: string): '1.0' | '2.0' {
  return type.includes('.') && type !== OLD_CARD_TYPE ? '2.0' : '1.0';
}

/**
 * Makes an event as the platform would send it, with ids of its own.
 *
 * @returns its JSON
 */
export function createSample(type: string, { version, token = '', event }: SampleOptions): string {
  const payload = event ?? samplePayload(type);
  if (type === OLD_CARD_TYPE) return JSON.stringify(payload);
  return JSON.stringify(version === '2.0' ? envelope2(type, token, payload) : envelope1(type, token, payload));
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
  return {
    ts: `${Date.now() / 1000}`,
    uuid: randomUUID().replaceAll('-', ''),
    token,
    type: 'event_callback',
    event: { type, app_id: APP, tenant_key: TENANT, ...event },
  };
}

function samplePayload(type: string): object {
  return Object.hasOwn(PAYLOADS, type) ? (PAYLOADS[type as keyof typeof PAYLOADS] as () => object)() : {};
}

/** The payload of a text message. */
export function textMessage(text: string): EventPayloads['im.message.receive_v1'] {
  return {
    sender: { sender_id: USER, sender_type: 'user', tenant_key: TENANT },
    message: {
      message_id: `om_${randomUUID().replaceAll('-', '')}`,
      create_time: `${Date.now()}`,
      chat_id: CHAT,
      chat_type: 'group',
      message_type: 'text',
      content: JSON.stringify({ text }),
    },
  };
}

const card = () => ({ value: { key: 'value' }, tag: 'button', name: 'confirm' });
const cardToken = () => `c-${randomUUID().replaceAll('-', '')}`;
const cardContext = { open_message_id: 'om_574d639e4a44e4dd646eaf628e2a', open_chat_id: CHAT };

type Samples<Payloads> = { [Type in keyof Payloads]?: () => Partial<Payloads[Type]> };

const PAYLOADS = {
  'im.message.receive_v1': () => textMessage('Hello, 世界 👋'),
  'card.action.trigger': () => ({
    operator: { tenant_key: TENANT, ...USER },
    token: cardToken(),
    action: card(),
    host: 'im_message',
    context: cardContext,
  }),
  'url.preview.get': () => ({
    operator: { tenant_key: TENANT, user_id: USER.user_id, open_id: USER.open_id },
    host: 'im_message',
    context: { ...cardContext, url: 'https://example.com/', preview_token: cardToken() },
  }),
  'card.action.trigger_v1': () => ({
    open_id: USER.open_id,
    user_id: USER.user_id,
    open_message_id: cardContext.open_message_id,
    tenant_key: TENANT,
    token: cardToken(),
    action: card(),
  }),
  message: () => ({
    open_chat_id: CHAT,
    chat_type: 'private',
    msg_type: 'text',
    open_id: USER.open_id,
    employee_id: USER.user_id,
    union_id: USER.union_id,
    open_message_id: `om_${randomUUID().replaceAll('-', '')}`,
    is_mention: false,
    text: 'Hello, 世界 👋',
    text_without_at_bot: 'Hello, 世界 👋',
  }),
  out_approval: () => ({
    instance_code: randomUUID().toUpperCase(),
    user_id: USER.user_id,
    open_id: USER.open_id,
    out_name: 'Client visit',
    out_reason: '拜访客户',
    out_unit: 'HOUR',
    out_interval: 7200,
    out_start_time: '2026-11-23 09:00:00',
    out_end_time: '2026-11-23 11:00:00',
    start_time: 1795395600,
    end_time: 1795402800,
  }),
} satisfies Samples<EventPayloads> & Samples<EventPayloadsV1>;
