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
  /** The body as JSON, to look for something in it. */
  text: string;
}

/** What a service answered. */
export interface ServiceAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** What happens to a request. Each is at its place on the way to the service and back. */
export interface Fault {
  /** Waits before the service gets it. */
  delayMilliseconds?: number;
  /** Waits for it before the service gets the request. */
  until?: Promise<void>;
  /** Done before the service gets it. */
  before?: () => void;
  /** The service refuses it, and does not do it. */
  refuse?: { status: number; code: string };
  /** `silent`: the service never gets it, and nothing comes back. `cut`: the connection ends instead. */
  lose?: 'silent' | 'cut';
  /** Done once the service has done it. */
  after?: () => void;
  /** The service has done it, but the answer does not come back. */
  loseAnswer?: 'silent' | 'cut';
  /** Changes what the service answered. */
  change?: (answer: Record<string, unknown>) => void;
  /** Answered instead of asking the service. */
  instead?: object;
}

export interface FaultyProxyOptions {
  /** Of the service. */
  target: string;
  /** Changes what is sent. */
  rewrite?: (request: ServiceRequest) => void;
}

/** Stands between a program and an AWS service with a JSON protocol, so that each request can fail in its own way. */
export class FaultyProxy {
  /** Asked for each request. */
  decide: (request: ServiceRequest) => Fault | undefined = () => undefined;
  /** Told of each request that the service has done, before anything of its response comes back. */
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

  /** Ends all connections, as a load balancer does with those that are idle for long. */
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
      else if (fault.refuse !== undefined) refuse(outgoing, fault.refuse);
      else if (fault.instead !== undefined) answerWith(outgoing, 200, fault.instead);
      else if (fault.lose === undefined) await this.#exchange(incoming, request, fault, outgoing);
    } catch {
      outgoing.destroy();
    }
  }

  async #exchange(incoming: IncomingMessage, request: ServiceRequest, fault: Fault, outgoing: ServerResponse) {
    this.#options.rewrite?.(request);
    const answer = await this.#send(incoming, JSON.stringify(request.body));
    if (answer.status === 200) this.onDone(request);
    fault.after?.();
    if (fault.loseAnswer === 'cut') return void outgoing.destroy();
    if (fault.loseAnswer === 'silent') return;
    const body = fault.change === undefined ? answer.body : changed(answer.body, fault.change);
    outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': body.length }).end(body);
  }

  async #send({ url, method, headers }: IncomingMessage, body: string): Promise<ServiceAnswer> {
    const sent = httpRequest(new URL(url ?? '/', this.#options.target), {
      method,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: this.#agent,
    });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const bytes = await buffer(answer);
    // The checksum is of what the service answered, and what is changed has another one.
    const { 'x-amz-crc32': _, 'transfer-encoding': __, ...kept } = answer.headers;
    return { status: answer.statusCode ?? 500, headers: kept, body: bytes };
  }
}

function readRequest({ headers }: IncomingMessage, bytes: Buffer): ServiceRequest {
  const text = bytes.toString();
  const operation = String(headers['x-amz-target']).split('.').at(-1) as string;
  return { operation, body: JSON.parse(text), text };
}

function changed(body: Buffer, change: (answer: Record<string, unknown>) => void): Buffer {
  const answer = JSON.parse(body.toString());
  change(answer);
  return Buffer.from(JSON.stringify(answer));
}

function refuse(response: ServerResponse, { status, code }: { status: number; code: string }): void {
  answerWith(response, status, { __type: `com.amazonaws#${code}`, message: 'refused by the test' });
}

function answerWith(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
}
