import { BOT_APIS } from './bot-apis.ts';
import { Routes } from './routes.ts';
import { sdkRoutes, similarRoutes } from './sdk-apis.ts';

/** A call that fails. */
export interface Failure {
  /** The API, for example `POST /open-apis/im/v1/messages/:message_id/reply`. Default: any. */
  api?: string;
  /** The platform's error code, for example 230020 or 99991400. Default: none, as in an outage. */
  code?: number;
  /** The HTTP status. Default: 429 for code 99991400, 400 for other codes, 503 without a code. */
  status?: number;
  message?: string;
  headers?: Readonly<Record<string, string>>;
  /** How many calls fail. Default: 1. */
  times?: number;
}

interface Pending {
  failure: Failure;
  routes: Routes<true> | undefined;
  timesLeft: number;
}

/** The code of the platform's rate limits. Its response says in which number of seconds calls are possible again. */
const RATE_LIMITED = 99991400;

/** The failures that the next calls have. */
export class Failures {
  #pending: Pending[] = [];

  /** @throws {TypeError} if the platform has no such API */
  add(failure: Failure): void {
    const { api, times = 1 } = failure;
    if (api !== undefined && !sdkRoutes().includes(api) && !BOT_APIS.some(({ route }) => route === api)) {
      throw new TypeError(`The platform has no API ${api}. Similar: ${similarRoutes(api).join(', ')}`);
    }
    const routes = api === undefined ? undefined : new Routes([[api, true as const]]);
    this.#pending.push({ failure, routes, timesLeft: times });
  }

  /** @returns the response of a call that fails */
  take(method: string, path: string) {
    const found = this.#pending.find(({ routes }) => routes === undefined || routes.find(method, path) !== undefined);
    if (found === undefined) return undefined;
    found.timesLeft -= 1;
    if (found.timesLeft <= 0) this.#pending = this.#pending.filter((pending) => pending !== found);
    const { code, headers = {}, message = 'This failure was requested.' } = found.failure;
    const status = found.failure.status ?? (code === undefined ? 503 : code === RATE_LIMITED ? 429 : 400);
    return {
      status,
      body: { code: code ?? status, msg: message },
      headers: { ...(code === RATE_LIMITED && { 'x-ogw-ratelimit-reset': '1' }), ...headers },
    };
  }
}
