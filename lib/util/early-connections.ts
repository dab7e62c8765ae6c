import { Agent, type ClientRequestArgs } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { Socket } from 'node:net';

/** The agents of an HTTP client, for `http:` and `https:`. */
interface Agents {
  httpAgent: Agent;
  httpsAgent: SecureAgent;
}

/** Many times what a connection within a region takes. A URL verification has 1 s, which includes the init phase. */
const CONNECT_WITHIN_MILLISECONDS = 300;

/**
 * Rehearses the requests of an HTTP client in the init phase, where Lambda gives a function a full vCPU.
 *
 * A rehearsed request runs the code of a real one, but stays in this process. In addition, a connection to its server is
 * opened, which the client's next request uses. If that fails, the next request opens a connection and reports the error.
 */
export class EarlyConnections {
  readonly #agents: Agents;
  readonly #keptMilliseconds: number;
  /** Open connections that no request has used yet, by the names that agents give them. */
  readonly #open = new Map<string, { socket: Socket; openedAt: number }>();
  /** The attempts to open them, by the same names. */
  readonly #connecting = new Map<string, Promise<void>>();

  /**
   * @param agents those of the client. They are changed to use the connections.
   * @param keptMilliseconds older connections are not used. Needed if the client does not repeat a request whose connection
   *   turns out to be closed.
   */
  constructor(agents: Agents, keptMilliseconds = Number.POSITIVE_INFINITY) {
    this.#agents = agents;
    this.#keptMilliseconds = keptMilliseconds;
    for (const agent of Object.values(agents)) this.#useEarlyConnections(agent);
  }

  /**
   * Creates the agents of a rehearsed request.
   *
   * @param response the body of the response
   */
  rehearsalAgents(response: string): Agents {
    const { httpAgent, httpsAgent } = this.#agents;
    return {
      httpAgent: this.#rehearse(new Agent(), httpAgent, response),
      httpsAgent: this.#rehearse(new SecureAgent(), httpsAgent, response),
    };
  }

  /** Waits until the connections of rehearsals are open or have failed, at most for 300 ms. */
  async connected(): Promise<void> {
    await Promise.all(this.#connecting.values());
  }

  #useEarlyConnections(agent: Agent): void {
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      const name = agent.getName(options);
      const early = this.#open.get(name);
      this.#open.delete(name);
      // The server may have closed it while the function was frozen.
      const isUsable = early?.socket.writable && Date.now() - early.openedAt < this.#keptMilliseconds;
      if (isUsable) return early.socket.ref();
      early?.socket.destroy();
      return connect(options, callback);
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
          this.#open.set(agent.getName(options), { socket, openedAt: Date.now() });
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
