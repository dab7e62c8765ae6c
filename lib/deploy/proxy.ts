import { STATUS_CODES } from 'node:http';
import { isExempt, readProxySetting } from '../feishu/route.ts';
import type { AwsConfig } from './aws-clients.ts';
import type { AwsProvider } from './serverless.ts';

/** The variables that the framework reads, in its order. It also uses the first one for HTTPS. */
const FRAMEWORK_VARIABLES = ['proxy', 'HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'];

/** Each response of AWS has one. https://docs.aws.amazon.com/AmazonS3/latest/userguide/get-request-ids.html */
const REQUEST_ID_HEADERS = ['x-amzn-requestid', 'x-amz-request-id'];

/** The part of an AWS client's request handler that this module replaces. */
interface RequestHandler {
  handle(request: Destination, options?: unknown): Promise<{ response: Response }>;
}

interface Response {
  statusCode: number;
  /** The names are in lower case. */
  headers: Record<string, string>;
}

interface Destination {
  protocol: string;
  hostname: string;
  port?: number;
}

/**
 * Makes the AWS clients of the framework and of this plugin use the same proxy as everything else: the framework ignores
 * `NO_PROXY` and `ALL_PROXY`, sends loopback requests to the proxy, and prefers `HTTP_PROXY`.
 *
 * @throws {ProxySettingError} if a variable is not the URL of an HTTP proxy
 */
export function applyProxySettings(provider: AwsProvider): void {
  const setting = readProxySetting('https:');
  const isSet = setting !== undefined || FRAMEWORK_VARIABLES.some((name) => process.env[name]);
  if (!isSet) return;
  const configure = provider.getAwsSdkV3Config.bind(provider);
  const via = setting === undefined ? '' : `, through the proxy ${setting.url.host} set in ${setting.variable}`;
  provider.getAwsSdkV3Config = async (options) => {
    const proxied = await (setting === undefined
      ? configure(options)
      : withVariables({ HTTPS_PROXY: setting.url.href }, () => configure(options)));
    const direct = await withVariables({}, () => configure(options));
    const requestHandler = chooseByDestination(handlerOf(proxied), handlerOf(direct), via);
    return { ...proxied, requestHandler };
  };
}

/** The framework creates a handler; the type also allows its options. */
function handlerOf({ requestHandler }: AwsConfig): RequestHandler {
  return requestHandler as RequestHandler;
}

/** Runs the synchronous part of a function with only these proxy variables. */
function withVariables<Result>(variables: NodeJS.ProcessEnv, run: () => Result): Result {
  const original = process.env;
  const others = Object.entries(original).filter(([name]) => !FRAMEWORK_VARIABLES.includes(name));
  process.env = { ...Object.fromEntries(others), ...variables };
  try {
    return run();
  } finally {
    process.env = original;
  }
}

function chooseByDestination(proxied: RequestHandler, direct: RequestHandler, via: string): RequestHandler {
  const handle: RequestHandler['handle'] = async (request, options) => {
    const { protocol, hostname, port } = request;
    if (isExempt(new URL(`${protocol}//${hostname}${port ? `:${port}` : ''}`))) return direct.handle(request, options);
    try {
      const result = await proxied.handle(request, options);
      const { statusCode } = result.response;
      if (protocol === 'https:' && isRejection(result.response)) {
        throw new Error(`${statusCode} ${STATUS_CODES[statusCode]}`);
      }
      return result;
    } catch (error) {
      if (error instanceof Error) error.message += via;
      throw error;
    }
  };
  return Object.create(proxied, { handle: { value: handle } });
}

/** Returns whether the proxy, not AWS, has responded: the framework's agent passes the response to `CONNECT` on. */
function isRejection({ statusCode, headers }: Response): boolean {
  return statusCode >= 400 && !REQUEST_ID_HEADERS.some((name) => name in headers);
}
