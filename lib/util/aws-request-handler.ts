import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import { limitUnlessDebugging } from './deadline.ts';
import { EarlyConnections } from './early-connections.ts';

type Request = Parameters<NodeHttpHandler['handle']>[0];
type RequestOptions = NonNullable<Parameters<NodeHttpHandler['handle']>[1]>;

/** Options for `client.send`. */
export interface RehearsalOptions extends RequestOptions {
  /** The request is a rehearsal and gets a response with this body. */
  rehearsedResponse: string;
}

/** The SDK's defaults. */
const AGENT_OPTIONS = { keepAlive: true, maxSockets: 50 };

/**
 * Sends the requests of an AWS client, and rehearses requests as {@link EarlyConnections} describes. Under a debugger, the
 * responses have no time limit.
 */
export class AwsRequestHandler extends NodeHttpHandler {
  readonly #options: NodeHttpHandlerOptions;
  readonly #connections: EarlyConnections;

  constructor(options: NodeHttpHandlerOptions) {
    const agents = { httpAgent: new Agent(AGENT_OPTIONS), httpsAgent: new SecureAgent(AGENT_OPTIONS) };
    super({ ...options, ...agents });
    this.#options = options;
    this.#connections = new EarlyConnections(agents);
  }

  override handle(request: Request, options: RequestOptions | RehearsalOptions = {}) {
    if (!('rehearsedResponse' in options)) {
      const requestTimeout = options.requestTimeout ?? this.#options.requestTimeout;
      if (requestTimeout === undefined) return super.handle(request, options);
      return super.handle(request, { ...options, requestTimeout: limitUnlessDebugging(requestTimeout) });
    }
    const agents = this.#connections.rehearsalAgents(options.rehearsedResponse);
    // A separate handler, so that no other request gets the response.
    return new NodeHttpHandler({ ...this.#options, ...agents }).handle(request, options);
  }

  /** Waits until the connections of rehearsals are open or have failed, at most for 300 ms. */
  connected(): Promise<void> {
    return this.#connections.connected();
  }
}
