import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import type { Log } from '../log.ts';
import { type Route, routeTo } from '../route.ts';
import { withoutQuery } from './address.ts';
import { type Deliveries, idsOf } from './deliveries.ts';
import type { Endpoint } from './discovery.ts';
import { describeNetworkError, LongConnectionError } from './errors.ts';
import { Fragments, readPosition } from './fragments.ts';
import { CONTROL_METHOD, DATA_METHOD, decodeFrame, encodeFrame, type Frame, headerOf } from './frame.ts';
import { Heartbeat } from './heartbeat.ts';
import { decodePayload } from './payload-encoding.ts';
import { explainRejectedUpgrade } from './rejection.ts';
import { readPongSettings, type Settings } from './settings.ts';
import type { Timing } from './timing.ts';
import { warnOnce } from './warn-once.ts';

/** Called when the state of a connection changes. */
export interface ConnectionEvents {
  opened(): void;
  pong(settings: Settings): void;
  draining(): void;
}

/** The largest event in a single frame. */
const MAXIMUM_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Clicks arrive as `event` frames. `card` frames were reported for apps whose callback setting is not published. */
const CARD_WARNING =
  'Received a callback as a "card" frame. It is processed, but the callback setting is probably not published: in the ' +
  'developer console, choose the persistent connection in Events & Callbacks, Callback Configuration, and publish a version.';

/** ws's code for a connection that ended without a close frame. */
const WITHOUT_CLOSE_FRAME = 1006;

/** A single WebSocket connection to the platform, from handshake to close. */
export class Connection {
  /**
   * Resolves when an open connection ends: `closed` if the platform closed it, otherwise `lost`. Rejects with a {@link LongConnectionError} if it cannot be
   * opened: `FEISHU_LOGIN_REFUSED`, `FEISHU_TOO_MANY_CONNECTIONS` or `FEISHU_CONNECTION_FAILED`.
   */
  readonly ended: Promise<'closed' | 'lost'>;
  readonly #socket: WebSocket;
  readonly #endpoint: Endpoint;
  readonly #route: Route;
  readonly #deliveries: Deliveries;
  readonly #events: ConnectionEvents;
  readonly #timing: Timing;
  readonly #log: Log;
  readonly #fragments = new Fragments();
  readonly #heartbeat: Heartbeat;
  readonly #handshakeTimer: NodeJS.Timeout;
  #settings: Settings;
  #closeTimer: NodeJS.Timeout | undefined;
  #isOpen = false;
  #isStopping = false;
  /** Known once the handshake succeeds. */
  #transport: Socket | undefined;
  #isCorked = false;
  /** The first reason why the connection failed. */
  #failure: LongConnectionError | undefined;

  constructor(endpoint: Endpoint, deliveries: Deliveries, events: ConnectionEvents, timing: Timing, log: Log) {
    this.#endpoint = endpoint;
    this.#route = chooseRoute(endpoint, timing.handshakeWithinMs);
    this.#settings = endpoint.settings;
    this.#deliveries = deliveries;
    this.#events = events;
    this.#timing = timing;
    this.#log = log;
    this.#heartbeat = new Heartbeat(
      () => this.#send(ping(endpoint.serviceId)),
      () => this.#terminate(`the platform did not answer a ping within ${timing.pongWithinMs} ms`),
      endpoint.settings.pingIntervalMs,
      timing.pongWithinMs,
    );
    this.#handshakeTimer = setTimeout(
      () => this.#terminate(`the handshake took longer than ${timing.handshakeWithinMs} ms`),
      timing.handshakeWithinMs,
    );
    this.#socket = new WebSocket(endpoint.url, {
      agent: this.#route.agent,
      perMessageDeflate: false,
      maxPayload: MAXIMUM_MESSAGE_BYTES,
    });
    this.ended = this.#listen();
  }

  /**
   * Rejects new events, acknowledges those in flight and closes the connection. Each step has a time limit, so `ended`
   * settles soon.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.#isOpen) {
      this.#terminate('the client was stopped');
      return;
    }
    this.#events.draining();
    await this.#deliveries.drain();
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.close(1000);
    this.#closeTimer = setTimeout(() => this.#socket.terminate(), this.#timing.closeWithinMs);
  }

  /** Attaches all listeners at once, because a frame can arrive together with the upgrade response. */
  #listen(): Promise<'closed' | 'lost'> {
    const { promise, resolve, reject } = Promise.withResolvers<'closed' | 'lost'>();
    this.#socket.on('upgrade', ({ socket }) => {
      this.#transport = socket;
    });
    this.#socket.on('open', () => this.#open());
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    this.#socket.on('unexpected-response', (_request, response) => this.#reject(response));
    this.#socket.on('error', (error) => {
      this.#failure ??= this.#failed(describeNetworkError(error), error);
    });
    this.#socket.on('close', (code) => {
      this.#cleanUp();
      if (this.#isOpen) return resolve(code === WITHOUT_CLOSE_FRAME ? 'lost' : 'closed');
      // Stryker disable next-line StringLiteral: ws emits an error before it closes a connection that never opened
      reject(this.#failure ?? this.#failed('the connection was closed'));
    });
    return promise;
  }

  #open(): void {
    clearTimeout(this.#handshakeTimer);
    this.#isOpen = true;
    this.#events.opened();
    this.#heartbeat.start();
  }

  #reject(response: IncomingMessage): void {
    this.#failure ??= explainRejectedUpgrade(Number(response.statusCode), response.headers);
    this.#socket.terminate();
  }

  /** Terminates the connection without a closing handshake, because the other side may be gone. */
  #terminate(reason: string): void {
    this.#failure ??= this.#failed(reason);
    if (this.#isOpen) this.#log.warn(`Connection terminated: ${reason}`);
    this.#socket.terminate();
  }

  #failed(reason: string, cause?: unknown): LongConnectionError {
    return failed(this.#endpoint, `${reason}${this.#route.via}`, cause);
  }

  #cleanUp(): void {
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#closeTimer);
    this.#heartbeat.stop();
    this.#fragments.clear();
  }

  #receive(data: RawData, isBinary: boolean): void {
    try {
      if (!isBinary)
        throw new LongConnectionError('FEISHU_FRAME_INVALID', 'Received a text message; frames must be binary.');
      // ws passes a Buffer by default (`binaryType`).
      const frame = decodeFrame(data as Buffer);
      if (frame.method === DATA_METHOD) this.#receiveData(frame);
      else if (frame.method === CONTROL_METHOD) this.#receiveControl(frame);
      else
        throw new LongConnectionError(
          'FEISHU_FRAME_INVALID',
          `Received a frame with the unknown method ${frame.method}.`,
        );
    } catch (error) {
      if (!(error instanceof LongConnectionError)) throw error;
      this.#log.warn('Message ignored', { code: error.code, reason: error.message });
    }
  }

  #receiveControl(frame: Frame): void {
    if (headerOf(frame, 'type') !== 'pong') return;
    this.#settings = readPongSettings(frame.payload, this.#settings);
    this.#heartbeat.pong(this.#settings.pingIntervalMs);
    this.#events.pong(this.#settings);
  }

  #receiveData(frame: Frame): void {
    try {
      const encoded = this.#assemble(frame);
      if (encoded === undefined) return;
      const payload = decodePayload(frame.payloadEncoding, encoded);
      if (this.#isStopping) this.#deliveries.reject(frame, this.#send);
      else this.#deliveries.accept(frame, payload, this.#send);
    } catch (error) {
      if (!(error instanceof LongConnectionError)) throw error;
      if (error.code === 'FEISHU_PAYLOAD_ENCODING_UNKNOWN') this.#reportEncoding(error);
      else this.#log.warn('Data frame rejected', { ...idsOf(frame), code: error.code, reason: error.message });
      this.#deliveries.reject(frame, this.#send);
    }
  }

  /** Once: if the platform introduces an encoding, it probably uses it for every event. */
  #reportEncoding({ code, message }: LongConnectionError): void {
    const advice = 'Events are rejected, so that the platform sends them again. Upgrade the template.';
    warnOnce(this.#log, advice, { code, reason: message });
  }

  /** @returns the event's payload, or `undefined` until all fragments have arrived */
  #assemble(frame: Frame): Uint8Array | undefined {
    const type = headerOf(frame, 'type');
    if (type === 'card') warnOnce(this.#log, CARD_WARNING);
    // Acknowledged means queued: frames of unknown types cannot be queued, so they must not be acknowledged with 200.
    if (type !== 'event' && type !== 'card') {
      throw new LongConnectionError(
        'FEISHU_FRAME_TYPE_UNKNOWN',
        `Received a data frame of the unknown type "${type?.slice(0, 64)}".`,
      );
    }
    const position = readPosition(headerOf(frame, 'message_id'), headerOf(frame, 'sum'), headerOf(frame, 'seq'));
    return this.#fragments.add(position, frame.payload ?? new Uint8Array());
  }

  readonly #send = (frame: Frame): boolean => {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#cork();
    this.#socket.send(encodeFrame(frame));
    return true;
  };

  /** Writes frames that are sent together at once: a system call takes more time than encoding a frame. */
  #cork(): void {
    const transport = this.#transport;
    if (transport === undefined || this.#isCorked) return;
    this.#isCorked = true;
    transport.cork();
    // After all promises that have settled: the events of a batch are acknowledged together.
    process.nextTick(() => {
      this.#isCorked = false;
      transport.uncork();
    });
  }
}

function chooseRoute(endpoint: Endpoint, withinMs: number): Route {
  try {
    return routeTo(endpoint.url, withinMs);
  } catch (cause) {
    throw failed(endpoint, describeNetworkError(cause as Error), cause);
  }
}

function ping(serviceId: number): Frame {
  return {
    sequenceId: 0n,
    logId: 0n,
    service: serviceId,
    method: CONTROL_METHOD,
    headers: [{ key: 'type', value: 'ping' }],
  };
}

function failed({ url }: Endpoint, reason: string, cause?: unknown): LongConnectionError {
  return new LongConnectionError('FEISHU_CONNECTION_FAILED', `Cannot connect to ${withoutQuery(url)}: ${reason}.`, {
    cause,
  });
}
