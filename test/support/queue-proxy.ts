import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Emulators } from '../../lib/local/emulators/emulators.ts';

/** What happens to requests to the queue. `silent`: they reach it, but there is no response. */
export type QueueBehavior = 'normal' | 'down' | 'silent' | { respondsAfter: Promise<void> };

const POST = Buffer.from('POST ');

/** A proxy between a program and the queue that can fail. */
export class QueueProxy {
  behavior: QueueBehavior = 'normal';
  /** Number of connections accepted. */
  connections = 0;
  /** Number of requests received. */
  requests = 0;
  /** The environment variables that make a program use the proxy. */
  readonly environment: Record<string, string>;
  readonly #server = createServer((socket) => this.#forward(socket));
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;

  private constructor(target: URL) {
    this.#target = target;
    this.environment = {};
  }

  static async start({ queueUrl }: Emulators): Promise<QueueProxy> {
    const target = new URL(queueUrl);
    const proxy = new QueueProxy(target);
    proxy.#server.listen(0, target.hostname);
    await once(proxy.#server, 'listening');
    const origin = `http://${target.hostname}:${(proxy.#server.address() as AddressInfo).port}`;
    proxy.environment.AWS_ENDPOINT_URL_SQS = origin;
    proxy.environment.QUEUE_URL = `${origin}${target.pathname}`;
    return proxy;
  }

  /** Closes all connections and rejects new ones. */
  goDown(): void {
    this.behavior = 'down';
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.goDown();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(socket: Socket): void {
    if (this.behavior === 'down') return void socket.destroy();
    this.connections++;
    const queue = connect(Number(this.#target.port), this.#target.hostname);
    for (const [from, to] of [
      [socket, queue],
      [queue, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    socket.on('data', (chunk) => {
      if (chunk.subarray(0, 5).equals(POST)) this.requests++;
      queue.write(chunk);
    });
    queue.on('data', (chunk) => this.#passOn(socket, chunk));
  }

  #passOn(socket: Socket, chunk: Buffer): void {
    const { behavior } = this;
    if (behavior === 'silent') return;
    if (typeof behavior === 'object') void behavior.respondsAfter.then(() => socket.write(chunk));
    else socket.write(chunk);
  }
}
