import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { errorFields } from '../observability/error-fields.ts';
import { toEntry } from '../util/printable.ts';
import { type HttpResponse, jsonResponse } from '../webhook/http.ts';

/** Lambda takes 6 MB for an invocation. */
const MAXIMUM_BODY_BYTES = 6 * 1024 * 1024;

export interface HttpServer {
  /** `http://host:port` */
  origin: string;
  /** Accepts nothing more, and waits for the requests under way. */
  stop(): Promise<void>;
}

/** An answer that goes on for as long as the stream does. */
export interface StreamingResponse extends Omit<HttpResponse, 'body'> {
  stream: Readable;
}

type AnyResponse = HttpResponse | StreamingResponse;

/** @param body all of the request's body */
export type Answer = (request: IncomingMessage, body: Buffer) => Promise<AnyResponse> | AnyResponse;

/**
 * @param port 0: any free one
 * @throws when the port is taken; the message says what to do
 */
export async function startHttpServer(host: string, port: number, answer: Answer): Promise<HttpServer> {
  let isStopping = false;
  const server = createServer(async (request, response) => {
    // A browser would keep a connection, and the server with it, for as long as it likes.
    response.once('close', () => isStopping && setImmediate(() => server.closeIdleConnections()));
    try {
      const body = await readBody(request);
      send(response, body === undefined ? tooLarge() : await answer(request, body));
    } catch (error) {
      // Whoever sent it is gone in the middle of it.
      if (request.destroyed && !request.complete) return;
      const { error: reason, stack = reason } = errorFields(error);
      console.error(toEntry(`${request.method} ${request.url} could not be answered: ${stack}`));
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
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = isTaken ? 'Something else listens there: stop it, or set PORT to another one.' : String(cause);
    throw new Error(`Cannot listen on ${host}:${port}. ${reason}`, { cause });
  }
}

/** @returns `undefined` when it is too large; it is read to its end all the same, so that the answer is heard */
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
  return jsonResponse(413, { message: `Request Entity Too Large: Lambda takes ${MAXIMUM_BODY_BYTES} bytes` });
}

function send(response: ServerResponse, answer: AnyResponse): void {
  const { statusCode, headers } = answer;
  if ('stream' in answer) {
    response.writeHead(statusCode, headers).flushHeaders();
    // Whoever closes the page ends the stream: that is no error.
    pipeline(answer.stream, response, () => {});
    return;
  }
  const { body } = answer;
  response.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
