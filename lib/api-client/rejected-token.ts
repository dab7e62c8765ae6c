import { isObject } from '../feishu/envelope.ts';
import { responseData } from '../observability/response-data.ts';
import { containsStream } from './rate-limits.ts';

/**
 * The platform's code for a tenant access token that is not valid.
 *
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
 */
const TOKEN_REJECTED = 99991663;

type Request = (options: unknown) => Promise<unknown>;

/**
 * Returns an HTTP client that repeats a call once with a new token if the platform rejects its token. A rejected call has
 * no effect, so that repeating it is safe. A call that contains a stream is not repeated.
 *
 * @param http the official SDK's HTTP client
 * @param findNewToken returns `undefined` if the rejected token is not the app's
 */
export function repeatWithNewToken<Http extends { request: unknown }>(
  http: Http,
  findNewToken: (rejected: string) => Promise<string | undefined>,
): Http {
  const send: Request = (options) => (http.request as Request).call(http, options);

  const request: Request = async (options) => {
    const { isRejected, settle } = await send(options).then(
      (result) => ({ isRejected: isRejection(result), settle: () => result }),
      (error: unknown) => ({ isRejected: isRejection(responseData(error)), settle: () => throwError(error) }),
    );
    const headers = isObject(options) && isObject(options.headers) ? options.headers : {};
    const [, rejected] = /^Bearer (.+)$/.exec(`${headers.Authorization}`) ?? [];
    if (!isRejected || rejected === undefined) return settle();
    const token = await findNewToken(rejected);
    if (token === undefined || token === rejected || !isObject(options) || containsStream(options)) return settle();
    return send({ ...options, headers: { ...headers, Authorization: `Bearer ${token}` } });
  };

  return new Proxy(http, { get: (target, name) => (name === 'request' ? request : Reflect.get(target, name)) });
}

/** @param result the response's body, or an object with the body as `data` if the call asked for the headers */
function isRejection(result: unknown): boolean {
  const body = isObject(result) && isObject(result.data) && !('code' in result) ? result.data : result;
  return isObject(body) && body.code === TOKEN_REJECTED;
}

function throwError(error: unknown): never {
  throw error;
}
