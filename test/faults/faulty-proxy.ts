import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request to SQS or DynamoDB. */
export interface ServiceRequest {
  /** For example `SendMessage`. */
  operation: string;
  body: Record<string, unknown>;
  /** The body as JSON text, for searching. */
  text: string;
}

/** A response of SQS or DynamoDB. */
export interface ServiceResponse {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** What happens to a request, in this order. */
export interface Fault {
  /** Delays the request. */
  delayMilliseconds?: number;
  /** Holds the request until the promise resolves. */
  until?: Promise<void>;
  /** Called before the request reaches the service. */
  before?: () => void;
  /** Responds with this error; the request does not reach the service. */
  reject?: { status: number; code: string };
  /** Loses the request before the service. `silent`: no response. `cut`: closes the connection. */
  lose?: 'silent' | 'cut';
  /** Called after the service has processed the request. */
  after?: () => void;
  /** Loses the response of a processed request. `silent`: no response. `cut`: closes the connection. */
  loseResponse?: 'silent' | 'cut';
  /** Changes the body of the response. */
  change?: (response: Record<string, unknown>) => void;
  /** The body of the response; the request does not reach the service. */
  instead?: object;
}

export interface FaultyProxyOptions {
  /** The service's origin. */
  target: string;
  /** Changes the request. */
  rewrite?: (request: ServiceRequest) => void;
}

/** A proxy for an AWS service with a JSON protocol that injects a fault per request. */
export class FaultyProxy {
  /** Chooses the fault of a request. */
  decide: (request: ServiceRequest) => Fault | undefined = () => undefined;
  /** Called when the service has processed a request, before the response is passed on. */
  onDone: (request: ServiceRequest) => void = () => {};
  readonly #options: FaultyProxyOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server = createServer((request, response) => this.#forward(request, response));

  private constructor(options: FaultyProxyOptions) {
    this.#options = options;
  }

  static async start(options: FaultyProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Closes all connections, as a load balancer closes idle ones. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const request = readRequest(incoming, await buffer(incoming));
      const fault = this.decide(request) ?? {};
      if (fault.delayMilliseconds !== undefined) await sleep(fault.delayMilliseconds);
      await fault.until;
      fault.before?.();
      if (fault.lose === 'cut') outgoing.destroy();
      else if (fault.reject !== undefined) reject(outgoing, fault.reject);
      else if (fault.instead !== undefined) respondWith(outgoing, 200, fault.instead);
      else if (fault.lose === undefined) await this.#exchange(incoming, request, fault, outgoing);
    } catch {
      outgoing.destroy();
    }
  }

  async #exchange(incoming: IncomingMessage, request: ServiceRequest, fault: Fault, outgoing: ServerResponse) {
    this.#options.rewrite?.(request);
    const response = await this.#send(incoming, JSON.stringify(request.body));
    if (response.status === 200) this.onDone(request);
    fault.after?.();
    if (fault.loseResponse === 'cut') return void outgoing.destroy();
    if (fault.loseResponse === 'silent') return;
    const body = fault.change === undefined ? response.body : changeBody(response.body, fault.change);
    outgoing.writeHead(response.status, { ...response.headers, 'content-length': body.length }).end(body);
  }

  async #send({ url, method, headers }: IncomingMessage, body: string): Promise<ServiceResponse> {
    const sent = httpRequest(new URL(url ?? '/', this.#options.target), {
      method,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: this.#agent,
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const bytes = await buffer(response);
    // The service's checksum does not match a changed body.
    const { 'x-amz-crc32': _, 'transfer-encoding': __, ...kept } = response.headers;
    return { status: response.statusCode ?? 500, headers: kept, body: bytes };
  }
}

function readRequest({ headers }: IncomingMessage, bytes: Buffer): ServiceRequest {
  const text = bytes.toString();
  const operation = String(headers['x-amz-target']).split('.').at(-1) as string;
  return { operation, body: JSON.parse(text), text };
}

function changeBody(body: Buffer, change: (response: Record<string, unknown>) => void): Buffer {
  const response = JSON.parse(body.toString());
  change(response);
  return Buffer.from(JSON.stringify(response));
}

function reject(response: ServerResponse, { status, code }: { status: number; code: string }): void {
  respondWith(response, status, { __type: `com.amazonaws#${code}`, message: 'rejected by the test' });
}

function respondWith(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
}
