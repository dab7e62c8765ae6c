import { Agent, type ClientRequestArgs } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { Socket } from 'node:net';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';

type Request = Parameters<NodeHttpHandler['handle']>[0];
type RequestOptions = NonNullable<Parameters<NodeHttpHandler['handle']>[1]>;

/** Options for `client.send`. */
export interface RehearsalOptions extends RequestOptions {
  /** The request is a rehearsal and gets a response with this body. */
  rehearsedResponse: string;
}

/** The SDK's defaults. */
const AGENT_OPTIONS = { keepAlive: true, maxSockets: 50 };
/** Many times what a connection within a region takes. A URL verification has 1 s, which includes the init phase. */
const CONNECT_WITHIN_MILLISECONDS = 300;

/**
 * Sends the requests of an AWS client, and rehearses requests in the init phase, where Lambda gives a function a full vCPU.
 *
 * A rehearsed request runs the code of a real one, but stays in this process. In addition, a connection to the client's
 * endpoint is opened, which the next request uses. If that fails, the next request opens a connection and reports the
 * error.
 */
export class AwsRequestHandler extends NodeHttpHandler {
  readonly #options: NodeHttpHandlerOptions;
  readonly #agents: { httpAgent: Agent; httpsAgent: SecureAgent };
  /** Open connections that no request has used yet, by the names that agents give them. */
  readonly #earlyConnections = new Map<string, Socket>();
  /** The attempts to open them, by the same names. */
  readonly #connecting = new Map<string, Promise<void>>();

  constructor(options: NodeHttpHandlerOptions) {
    const agents = { httpAgent: new Agent(AGENT_OPTIONS), httpsAgent: new SecureAgent(AGENT_OPTIONS) };
    super({ ...options, ...agents });
    this.#options = options;
    this.#agents = agents;
    for (const agent of Object.values(agents)) this.#useEarlyConnections(agent);
  }

  override handle(request: Request, options: RequestOptions | RehearsalOptions = {}) {
    if (!('rehearsedResponse' in options)) return super.handle(request, options);
    const { httpAgent, httpsAgent } = this.#agents;
    // A separate handler, so that no other request gets the response.
    const handler = new NodeHttpHandler({
      ...this.#options,
      httpAgent: this.#rehearse(new Agent(), httpAgent, options.rehearsedResponse),
      httpsAgent: this.#rehearse(new SecureAgent(), httpsAgent, options.rehearsedResponse),
    });
    return handler.handle(request, options);
  }

  /** Waits until the connections of rehearsals are open or have failed, at most for 300 ms. */
  async connected(): Promise<void> {
    await Promise.all(this.#connecting.values());
  }

  #useEarlyConnections(agent: Agent): void {
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      const name = agent.getName(options);
      const early = this.#earlyConnections.get(name);
      this.#earlyConnections.delete(name);
      // The server may have closed it while the function was frozen.
      return early?.writable ? early.ref() : connect(options, callback);
    };
  }

  #rehearse<Kind extends Agent>(agent: Kind, actual: Agent, response: string): Kind {
    agent.createConnection = (options) => {
      const name = actual.getName(options);
      // Once for all rehearsals.
      if (!this.#connecting.has(name)) this.#connecting.set(name, this.#connectEarly(actual, options));
      return new RespondingSocket(response);
    };
    return agent;
  }

  #connectEarly(agent: Agent, options: ClientRequestArgs): Promise<void> {
    return new Promise((resolve) => {
      const socket = agent.createConnection(options) as Socket;
      // Keeps the process alive until then, unlike the socket.
      const timer = setTimeout(() => socket.destroy(), CONNECT_WITHIN_MILLISECONDS);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      socket
        .unref()
        .on('error', () => {})
        .once('close', end)
        .once(agent instanceof SecureAgent ? 'secureConnect' : 'connect', () => {
          this.#earlyConnections.set(agent.getName(options), socket);
          end();
        });
    });
  }
}

/** A connection that sends nothing, and responds to one HTTP request. */
class RespondingSocket extends Socket {
  readonly #body: string;

  constructor(body: string) {
    super();
    this.#body = body;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    this.#respond(done);
  }

  override _writev(_chunks: unknown, done: () => void): void {
    this.#respond(done);
  }

  #respond(done: () => void): void {
    done();
    const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(this.#body)}\r\n\r\n`;
    setImmediate(() => this.push(head + this.#body));
  }
}
