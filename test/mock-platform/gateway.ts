import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Framing, MockConnection, type PongBehavior, toFrames } from './connection.ts';
import type { PlatformEvent } from './deliveries.ts';
import { encodeWireFrame } from './wire.ts';

export interface ClientConfig {
  ReconnectCount: number;
  ReconnectInterval: number;
  ReconnectNonce: number;
  PingInterval: number;
}

/** `silent`: receives the request and never responds. */
export type DiscoveryBehavior =
  | 'normal'
  | 'silent'
  | 'hang up'
  | { code: number; msg?: string; withData?: boolean }
  | { httpStatus: number; body: string }
  | { url: string };

export type UpgradeBehavior =
  | 'normal'
  | 'silent'
  | 'hang up'
  | 'hang up once open'
  | { httpStatus: number; headers: Record<string, string> }
  /** Sends the event in the same write as the upgrade response. */
  | { glued: PlatformEvent; framing?: Framing };

export const SERVICE_ID = 33554678;
const DISCOVERY_PATH = '/callback/ws/endpoint';
const TOKEN_CALL = 'POST /open-apis/auth/v3/tenant_access_token/internal';
const COUNT_CALL = 'GET /open-apis/event/v1/connection';
const TENANT_TOKEN = 't-0123456789abcdef';
const CONNECTION_PATH = '/ws/v2';
const TOO_MANY_CONNECTIONS = '1000040350';

/** The server side of the long connection: discovery and API by HTTP, and WebSocket. Its behavior can be changed at any time. */
export class Gateway {
  discovery: DiscoveryBehavior = 'normal';
  upgrade: UpgradeBehavior = 'normal';
  pong: PongBehavior = 'settings';
  connectionLimit = 50;
  /** The app's connections to other gateways of the platform. */
  otherConnections = 0;
  /** The app's secret, as far as API calls check it. Default: any. */
  appSecret: string | undefined;
  clientConfig: ClientConfig = { ReconnectCount: -1, ReconnectInterval: 120, ReconnectNonce: 0, PingInterval: 120 };
  /** The only client assertion that logs in. Default: any. */
  clientAssertion: string | undefined;
  /** All accepted connections, oldest first. */
  readonly connections: MockConnection[] = [];
  /** The requests to discovery. */
  readonly discoveries: { path: string; headers: IncomingMessage['headers']; body: string }[] = [];
  upgrades = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => this.#respond(request, response));
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #tickets = new Set<string>();
  #domain = '';

  async listen(): Promise<void> {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket, head) => this.#accept(request, socket, head));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#domain = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The value of `FEISHU_DOMAIN` for clients. */
  get domain(): string {
    return this.#domain;
  }

  get open(): MockConnection[] {
    return this.connections.filter((connection) => connection.isOpen);
  }

  /** Stops reading from all sockets, so that even close frames are ignored. */
  pauseSockets(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await request.toArray()).join('');
    response.setHeader('content-type', 'application/json');
    const call = `${request.method} ${request.url}`;
    if (call === TOKEN_CALL) return void response.end(JSON.stringify(this.#issueToken(body)));
    if (call === COUNT_CALL) {
      return void response.end(JSON.stringify(this.#countConnections(request.headers.authorization)));
    }
    // A proxy may add a prefix.
    if (!request.url?.endsWith(DISCOVERY_PATH)) return void response.writeHead(404).end();
    this.discoveries.push({ path: request.url, headers: request.headers, body });
    const behavior = this.discovery;
    if (behavior === 'silent') return;
    if (behavior === 'hang up') return void request.socket.destroy();
    if (typeof behavior === 'object' && 'httpStatus' in behavior) {
      return void response.writeHead(behavior.httpStatus).end(behavior.body);
    }
    const { ClientAssertion } = this.clientAssertion === undefined ? {} : JSON.parse(body);
    const isKnown = ClientAssertion === this.clientAssertion;
    response.end(JSON.stringify(this.#reply(isKnown ? behavior : { code: 514, msg: 'assertion invalid' })));
  }

  /** @see https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal */
  #issueToken(body: string): object {
    const { app_secret: secret } = JSON.parse(body);
    if (this.appSecret !== undefined && this.appSecret !== secret) return { code: 10014, msg: 'app secret invalid' };
    return { code: 0, msg: 'ok', expire: 7200, tenant_access_token: TENANT_TOKEN };
  }

  /** @see https://open.feishu.cn/document/ukTMukTMukTM/uYDNxYjL2QTM24iN0EjN/event-v1/connection/get */
  #countConnections(authorization: string | undefined): object {
    if (authorization !== `Bearer ${TENANT_TOKEN}`) return { code: 99991663, msg: 'Invalid access token' };
    return { code: 0, msg: '', data: { online_instance_cnt: this.open.length + this.otherConnections } };
  }

  #reply(behavior: 'normal' | { code: number; msg?: string; withData?: boolean } | { url: string }): object {
    const data = { URL: this.#issueUrl(), ClientConfig: this.clientConfig };
    if (behavior === 'normal') return { code: 0, msg: '', data };
    if ('url' in behavior) return { code: 0, msg: '', data: { ...data, URL: behavior.url } };
    const { code, msg = 'rejected by the test', withData = false } = behavior;
    return { code, msg, ...(withData ? { data: {} } : {}) };
  }

  #issueUrl(): string {
    const ticket = randomUUID();
    this.#tickets.add(ticket);
    const base = `${this.#domain.replace('http:', 'ws:')}${CONNECTION_PATH}`;
    return `${base}?device_id=7001&service_id=${SERVICE_ID}&ticket=${ticket}`;
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.upgrades++;
    socket.on('error', () => {});
    const rejection = this.#findRejection(request);
    if (rejection !== undefined) reject(socket, rejection.httpStatus, rejection.headers);
    else if (this.upgrade === 'hang up') socket.destroy();
    else if (this.upgrade !== 'silent') this.#open(request, socket, head);
  }

  #open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Everything written while corked leaves in one write.
    socket.cork();
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new MockConnection(webSocket, SERVICE_ID, () => ({
        behavior: this.pong,
        settings: this.clientConfig,
      }));
      this.connections.push(connection);
      if (typeof this.upgrade === 'object' && 'glued' in this.upgrade) {
        const { glued, framing = {} } = this.upgrade;
        for (const frame of toFrames(glued, framing, SERVICE_ID)) connection.send(encodeWireFrame(frame));
      }
    });
    socket.uncork();
    if (this.upgrade === 'hang up once open') socket.end();
  }

  #findRejection(request: IncomingMessage): { httpStatus: number; headers: Record<string, string> } | undefined {
    if (typeof this.upgrade === 'object' && 'httpStatus' in this.upgrade) return this.upgrade;
    const ticket = new URL(request.url ?? '', this.#domain).searchParams.get('ticket') ?? '';
    if (!this.#tickets.delete(ticket)) return loginRejected('514', '514', 'ticket unknown');
    if (this.open.length >= this.connectionLimit) return loginRejected('514', TOO_MANY_CONNECTIONS, 'too many');
    return undefined;
  }
}

/** Creates the platform's response to a rejected upgrade. */
export function loginRejected(status: string, authErrorCode: string, message: string) {
  const headers = { 'Handshake-Status': status, 'Handshake-Autherrcode': authErrorCode, 'Handshake-Msg': message };
  return { httpStatus: 403, headers };
}

function reject(socket: Duplex, httpStatus: number, headers: Record<string, string>): void {
  const lines = Object.entries({ ...headers, 'Content-Length': '0', Connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${httpStatus} Rejected\r\n${head}\r\n`);
}
