import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Emulators } from '../../lib/local/emulators/emulators.ts';

/** What happens to requests to the queue. `silent`: they get there, and nothing comes back. */
export type QueueBehaviour = 'normal' | 'down' | 'silent' | { answersAfter: Promise<void> };

const POST = Buffer.from('POST ');

/** Stands between a program and the queue, so that the queue can fail. */
export class QueueProxy {
  behaviour: QueueBehaviour = 'normal';
  /** How many have come. */
  requests = 0;
  /** What a program needs in its environment to use it. */
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

  /** Ends the connections there are and takes no more. */
  goDown(): void {
    this.behaviour = 'down';
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.goDown();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(socket: Socket): void {
    if (this.behaviour === 'down') return void socket.destroy();
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
    queue.on('data', (chunk) => this.#answer(socket, chunk));
  }

  #answer(socket: Socket, chunk: Buffer): void {
    const { behaviour } = this;
    if (behaviour === 'silent') return;
    if (typeof behaviour === 'object') void behaviour.answersAfter.then(() => socket.write(chunk));
    else socket.write(chunk);
  }
}
