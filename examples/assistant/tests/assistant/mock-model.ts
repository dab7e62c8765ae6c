import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

// A mock of an API that is compatible with OpenAI's. `npx node test/assistant/mock-model.ts` starts it for npm start.

interface Request {
  authorization: string | undefined;
  model: string;
  messages: { role: string; content: unknown }[];
}

export class MockModel implements AsyncDisposable {
  /** The requests, in order. */
  readonly requests: Request[] = [];
  /** The pieces of the next answers. */
  answer = ['Hello', ', ', 'world'];
  /** Responds instead of the model. */
  respond: ((response: ServerResponse) => void) | undefined;
  readonly #server = createServer((request, response) => this.#handle(request, response));

  /** Starts the server, and returns its variables. */
  async start(port = 0): Promise<{ OPENAI_BASE_URL: string; OPENAI_API_KEY: string }> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port: actual } = this.#server.address() as AddressInfo;
    return { OPENAI_BASE_URL: `http://127.0.0.1:${actual}/v1`, OPENAI_API_KEY: 'local' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await this.#server[Symbol.asyncDispose]();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request));
    this.requests.push({ ...body, authorization: request.headers.authorization });
    if (this.respond) return this.respond(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const content of this.answer) writeChunk(response, { delta: { content }, finish_reason: null });
    writeChunk(response, { delta: {}, finish_reason: 'stop' });
    response.end('data: [DONE]\n\n');
  }
}

export function writeChunk(response: ServerResponse, choice: object): void {
  response.write(`data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`);
}

if (import.meta.main) {
  const variables = await new MockModel().start(Number(process.argv[2] ?? 4010));
  console.log('Add these lines to .env, and run npm start in another terminal:\n');
  for (const [name, value] of Object.entries(variables)) console.log(`${name}=${value}`);
}
