import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { vi } from 'vitest';
import { createCertificate } from './certificate.ts';

/** `silent`: accepts connections and never responds. A number: the status of each response. */
type ProxyBehavior = 'normal' | 'silent' | number;

/**
 * An HTTP proxy on loopback. It connects every host to the same local server, behind TLS, so that tests can use addresses
 * that are not on loopback.
 */
export class ConnectProxy implements AsyncDisposable {
  behavior: ProxyBehavior = 'normal';
  /** The tunnels to this host are rejected with 403. */
  rejectedHost = '';
  /** The target of each tunnel (`host:port`), and the URL of each request that is not tunnelled. */
  readonly requests: string[] = [];
  /** The `Proxy-Authorization` header of each tunnel. */
  readonly authorizations: (string | undefined)[] = [];
  /** The port of the server that all tunnels lead to. */
  targetPort = 0;
  readonly #sockets = new Set<Duplex>();
  readonly #proxy: Server;
  readonly #tls: tls.Server;

  private constructor(credentials: tls.TlsOptions) {
    this.#tls = tls.createServer(credentials, (socket) => this.#join(socket, connect(this.targetPort, '127.0.0.1')));
    this.#proxy = createServer((request, response) => {
      this.requests.push(String(request.url));
      if (this.behavior === 'silent') return;
      response.writeHead(typeof this.behavior === 'number' ? this.behavior : 502).end();
    });
    this.#proxy.on('connect', (request, socket) => {
      this.requests.push(String(request.url));
      this.authorizations.push(request.headers['proxy-authorization']);
      this.#sockets.add(socket);
      socket.on('error', () => {});
      if (this.behavior === 'silent') return;
      const status = request.url === `${this.rejectedHost}:443` ? 403 : this.behavior;
      if (status !== 'normal') return void socket.end(`HTTP/1.1 ${status} Rejected\r\n\r\n`);
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      this.#join(socket, connect(addressOf(this.#tls).port, '127.0.0.1'));
    });
  }

  /**
   * Starts a proxy. This process then trusts its certificate.
   *
   * @param names the hosts that it leads to
   */
  static async start(names: string[]): Promise<ConnectProxy> {
    const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-proxy-'));
    const files = await createCertificate(folder, names.map((name) => `DNS:${name}`).join());
    const [key, cert] = await Promise.all([files.key, files.certificate].map((file) => readFile(file, 'utf8')));
    await rm(folder, { recursive: true });
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), cert as string]);
    const proxy = new ConnectProxy({ key, cert });
    for (const server of [proxy.#tls, proxy.#proxy]) {
      server.on('connection', (socket: Socket) => proxy.#sockets.add(socket));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return proxy;
  }

  get host(): string {
    return `127.0.0.1:${addressOf(this.#proxy).port}`;
  }

  /** Makes this process use the proxy, and forgets earlier requests. */
  use(variables: Record<string, string> = { HTTPS_PROXY: `http://${this.host}` }): void {
    useProxyVariables(variables);
    this.behavior = 'normal';
    this.rejectedHost = '';
    this.requests.length = 0;
    this.authorizations.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([this.#tls, this.#proxy].map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #join(one: Duplex, other: Duplex): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  }
}

/** Sets these variables, and removes all others that name a proxy. Undone by `vi.unstubAllEnvs`. */
export function useProxyVariables(variables: Record<string, string>): void {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'proxy']) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toUpperCase(), undefined);
  }
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

function addressOf(server: { address(): unknown }): AddressInfo {
  return server.address() as AddressInfo;
}
