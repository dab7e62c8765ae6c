import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { errorFields } from '../observability/error-fields.ts';
import { toEntry } from '../util/printable.ts';
import { type HttpResponse, jsonResponse } from '../webhook/http.ts';

/** Lambda's limit for the payload of an invocation. */
const MAXIMUM_BODY_BYTES = 6 * 1024 * 1024;

export interface HttpServer {
  /** `http://host:port` */
  origin: string;
  /** Stops accepting connections, and waits for the requests in flight. */
  stop(): Promise<void>;
}

/** A response that ends when the stream ends. */
export interface StreamingResponse extends Omit<HttpResponse, 'body'> {
  stream: Readable;
}

type AnyResponse = HttpResponse | StreamingResponse;

/** @param body the complete body of the request */
export type RequestHandler = (request: IncomingMessage, body: Buffer) => Promise<AnyResponse> | AnyResponse;

/**
 * Starts an HTTP server.
 *
 * @param port 0 for any free port
 * @throws if the port is in use; the message says what to do
 */
export async function startHttpServer(host: string, port: number, handleRequest: RequestHandler): Promise<HttpServer> {
  let isStopping = false;
  // Connections stay open while they are idle: a client would lose a request that it sends while the server closes one.
  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    // A browser would otherwise keep its connection open, and the server running.
    response.once('close', () => isStopping && setImmediate(() => server.closeIdleConnections()));
    try {
      const body = await readBody(request);
      send(response, body === undefined ? tooLarge() : await handleRequest(request, body));
    } catch (error) {
      // The client disconnected while sending the request.
      if (request.destroyed && !request.complete) return;
      const { error: reason, stack = reason } = errorFields(error);
      console.error(toEntry(`${request.method} ${request.url} failed: ${stack}`));
      send(response, jsonResponse(500, { message: 'Internal Server Error' }));
    }
  });
  await listen(server, host, port);
  const { port: actualPort } = server.address() as AddressInfo;
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    async stop() {
      isStopping = true;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = isInUse ? 'The port is in use: stop the other program, or set PORT to another port.' : String(cause);
    throw new Error(`Cannot listen on ${host}:${port}. ${reason}`, { cause });
  }
}

/** @returns `undefined` if the body is too large. It is still read to the end, so that the client reads the response. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= MAXIMUM_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAXIMUM_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

function tooLarge(): HttpResponse {
  return jsonResponse(413, { message: `Request Entity Too Large: Lambda accepts up to ${MAXIMUM_BODY_BYTES} bytes` });
}

function send(response: ServerResponse, content: AnyResponse): void {
  const { statusCode, headers } = content;
  if ('stream' in content) {
    response.writeHead(statusCode, headers).flushHeaders();
    // A client that closes the connection ends the stream, which is not an error.
    pipeline(content.stream, response, () => {});
    return;
  }
  const { body } = content;
  response.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
