import type { Readable } from 'node:stream';
import type { SQSClientResolvedConfig } from '@aws-sdk/client-sqs';
import { SignatureV4 } from '@smithy/signature-v4';
import { readClientSettings } from '../config.ts';

/** The bucket of events that are too large for a queue message even when compressed. */
export interface LargeEvents {
  /**
   * Stores a compressed event. Storing it again restarts the time after which the bucket deletes it.
   *
   * @throws an `Error` that says how S3 responded, network errors, and the signal's reason
   */
  write(key: string, compressed: Buffer, signal: AbortSignal): Promise<void>;
  /** @throws an `Error` that says how S3 responded, network errors, and the signal's reason */
  read(key: string, signal: AbortSignal): Promise<Buffer>;
}

/** The settings that a client of another service shares with this one. */
type ClientConfig = Pick<SQSClientResolvedConfig, 'region' | 'credentials' | 'sha256' | 'requestHandler'>;

const ATTEMPTS = 2;
/** An event has at most 6 MB. The signal limits the whole time. */
const RESPOND_WITHIN_MILLISECONDS = 2000;

/**
 * Opens the bucket of large events. Signs its two kinds of requests itself, because the SDK's client for S3 is larger
 * than the webhook.
 *
 * @param config of a client for another service
 * @param endpoint of an emulator; default: that of the environment, else the region's
 */
export function openLargeEvents(
  bucket: string,
  { region: readRegion, credentials, sha256, requestHandler }: ClientConfig,
  endpoint = readEndpoint(process.env),
): LargeEvents {
  const send = async (method: 'GET' | 'PUT', key: string, body: Buffer | undefined, abortSignal: AbortSignal) => {
    const region = await readRegion();
    const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    const url = new URL(
      endpoint === undefined
        ? `https://${bucket}.s3.${region}.${suffix}/${key}`
        : `${endpoint.replace(/\/$/, '')}/${bucket}/${key}`,
    );
    const request = {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: url.pathname,
      query: {},
      headers: { host: url.host, ...(body && { 'content-length': `${body.length}` }) },
      body,
    };
    const signer = new SignatureV4({ service: 's3', region, credentials, sha256, uriEscapePath: false });
    const options = { abortSignal, requestTimeout: RESPOND_WITHIN_MILLISECONDS };
    const { response } = await requestHandler.handle((await signer.sign(request)) as never, options);
    const content = Buffer.concat(await (response.body as Readable).toArray());
    if (response.statusCode < 300) return content;
    const [, code = ''] = /<Code>(\w+)<\/Code>/.exec(content.toString('utf8')) ?? [];
    throw new S3Error(`S3 responded with ${response.statusCode} ${code} to ${method} ${key}`, response.statusCode);
  };

  const sendWithRetry: typeof send = async (...request) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send(...request);
      } catch (error) {
        const [, , , signal] = request;
        signal.throwIfAborted();
        if (attempt === ATTEMPTS || (error instanceof S3Error && error.status < 500)) throw error;
      }
    }
  };

  return {
    async write(key, compressed, signal) {
      await sendWithRetry('PUT', key, compressed, signal);
    },
    read: (key, signal) => sendWithRetry('GET', key, undefined, signal),
  };
}

class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** @returns `undefined` for the endpoint of the region */
function readEndpoint(environment: NodeJS.ProcessEnv): string | undefined {
  return (
    readClientSettings(environment, 's3').endpoint ??
    (environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL || undefined)
  );
}
