import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MockPlatform, type MockPlatformOptions, type PlatformResponse } from './mock-platform.ts';

export type { Failure } from './failures.ts';
export { type ApiCall, MockPlatform, type MockPlatformOptions } from './mock-platform.ts';

/** Larger than a file of 30 MB, the largest that an app can upload. */
const MAXIMUM_BODY_BYTES = 32 * 1024 * 1024;

/** A mock platform with an HTTP server. */
export interface StartedMockPlatform extends AsyncDisposable {
  /** `http://127.0.0.1:port`, for the `domain` of the official SDK's client or `FEISHU_DOMAIN`. */
  origin: string;
  platform: MockPlatform;
  /** Stops accepting requests, and waits for those in flight. */
  stop(): Promise<void>;
}

/** Starts a mock platform on a free port of the loopback interface. */
export async function startMockPlatform(options: MockPlatformOptions = {}): Promise<StartedMockPlatform> {
  const platform = new MockPlatform(options);
  let isStopping = false;
  // Connections stay open while they are idle: the official SDK does not repeat a call that is lost while one is closed.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    // The client would keep the connection of its last call open, and the server running.
    response.once('close', () => isStopping && setImmediate(() => server.closeIdleConnections()));
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request) {
        bytes += chunk.length;
        if (bytes <= MAXIMUM_BODY_BYTES) chunks.push(chunk);
      }
    } catch {
      // The client disconnected while sending the request.
      return;
    }
    const { method = '', url = '', headers } = request;
    const respond = async (): Promise<PlatformResponse> => {
      if (bytes > MAXIMUM_BODY_BYTES) return { status: 413, headers: {}, body: 'Request Entity Too Large' };
      return platform.respond({ method, url, headers, body: Buffer.concat(chunks) });
    };
    const {
      status,
      headers: responseHeaders,
      body,
    } = await respond().catch((error: unknown) => {
      console.error(`The mock platform failed: ${method} ${url}`, error);
      return { status: 500, headers: {}, body: 'Internal Server Error' };
    });
    response.writeHead(status, { ...responseHeaders, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    isStopping = true;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await closed;
  };
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    platform,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
