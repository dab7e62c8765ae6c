import { isObject, type JsonObject } from '../feishu/envelope.ts';
import type { CardKit } from './card-kit.ts';
import type { PlatformState } from './platform-state.ts';
import type { Resource } from './resources.ts';

/** A call of an API. */
export interface ApiRequest {
  /** The parameters of the path. */
  path: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The JSON body. Empty if there is none. */
  body: JsonObject;
  /** The fields of a `multipart/form-data` body. */
  form: ReadonlyMap<string, string | Resource>;
}

/** What an API works with. */
export interface ApiContext {
  state: PlatformState;
  cardKit: CardKit;
}

export interface Api {
  /** The method and the path as the official SDK writes them: `GET /open-apis/im/v1/messages/:message_id`. */
  route: string;
  /** @returns the `data` of the response */
  handle(request: ApiRequest, context: ApiContext): object;
  /** Whether `handle` returns a file, a {@link Resource}, instead of `data`. */
  isDownload?: boolean;
  /** Whether `handle` returns fields next to `code` instead of `data`. */
  isWholeBody?: boolean;
}

/** The `data` in the response of a method of the official SDK's client. */
type DataOf<Method> = Method extends (...parameters: never) => Promise<infer Response>
  ? NonNullable<Response> extends { data?: infer Data }
    ? NonNullable<Data>
    : NonNullable<Response>
  : never;

/**
 * Defines an API. The type of its response comes from the official SDK.
 *
 * @example api<Client['im']['message']['get']>('GET /open-apis/im/v1/messages/:message_id', …)
 */
export function api<Method>(route: string, handle: (request: ApiRequest, context: ApiContext) => DataOf<Method>): Api {
  return { route, handle: handle as Api['handle'] };
}

export function download(route: string, handle: (request: ApiRequest, context: ApiContext) => Resource): Api {
  return { route, handle, isDownload: true };
}

/** Returns a field of the body, or '' if it is not a text. */
export function textOf(body: unknown, field: string): string {
  const value = isObject(body) ? body[field] : undefined;
  return typeof value === 'string' ? value : '';
}

/** Returns a part of a list, as the parameters `page_size` and `page_token` say. */
export function pageOf<Item>(items: readonly Item[], query: URLSearchParams, defaultSize = 20) {
  const start = Number(query.get('page_token')) || 0;
  const end = start + (Number(query.get('page_size')) || defaultSize);
  const hasMore = end < items.length;
  return { items: items.slice(start, end), has_more: hasMore, page_token: hasMore ? `${end}` : '' };
}
