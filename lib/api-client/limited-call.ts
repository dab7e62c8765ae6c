import { isObject } from '../feishu/envelope.ts';
import type { CallRequest } from './rate-limits.ts';

/** What the platform's rate limits count a call as. */
export interface LimitedCall {
  /** The method and path, with a placeholder for each id. */
  api: string;
  /** The chat or user that receives a message, or the message that is changed. */
  recipient: string | undefined;
}

const MESSAGES = '/open-apis/im/v1/messages';
/** Message, chat and user ids have a prefix. Other ids contain capitals or digits, which no static segment does. */
const ID = /^o[mcun]_|[A-Z]|\d/;
const VERSION = /^v\d+$/;

/**
 * Determines which limits a call counts towards.
 *
 * @param chat the chat of the event, which a reply goes to
 * @returns `undefined` if the request is not a call of an API, or is one for a token
 */
export function readLimitedCall({ method, url, data }: CallRequest, chat: string | undefined): LimitedCall | undefined {
  const path = URL.parse(String(url), 'https://open.feishu.cn')?.pathname;
  if (path === undefined || !path.startsWith('/open-apis/') || path.startsWith('/open-apis/auth/')) return undefined;
  const verb = String(method ?? 'GET').toUpperCase();
  const segments = path.split('/').map((segment) => (ID.test(segment) && !VERSION.test(segment) ? ':id' : segment));
  const fields = isObject(data) ? data : {};
  return { api: `${verb} ${segments.join('/')}`, recipient: recipientOf(verb, path, fields, chat) };
}

/** @see https://open.feishu.cn/document/server-docs/im-v1/message/create */
function recipientOf(verb: string, path: string, data: Record<string, unknown>, chat: string | undefined) {
  if (path !== MESSAGES && !path.startsWith(`${MESSAGES}/`)) return undefined;
  const [messageId, action] = path.slice(MESSAGES.length + 1).split('/');
  if (typeof data.receive_id === 'string') return data.receive_id;
  if (verb === 'POST' && action === 'reply') return chat ?? messageId;
  return (verb === 'PATCH' || verb === 'PUT') && action === undefined ? messageId : undefined;
}
