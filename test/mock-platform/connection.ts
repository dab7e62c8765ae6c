import { gunzipSync, gzipSync } from 'node:zlib';
import type { WebSocket } from 'ws';
import type { PlatformEvent, PushResponse } from './deliveries.ts';
import { decodeWireFrame, encodeWireFrame, type WireFrame, wireHeader } from './wire.ts';

/** How an event is framed. */
export interface Framing {
  type?: string;
  /** Number of fragments; default: 1. 0 sends one frame without the headers `sum` and `seq`. */
  fragments?: number;
  /** Compresses the event before it is split. */
  encoding?: 'gzip';
  /** The order in which the fragments are sent. */
  order?: readonly number[];
  /** Overrides fields of each frame. */
  frame?: Partial<WireFrame>;
}

/** How to respond to pings. Bytes are the payload of the pong. */
export type PongBehavior = 'settings' | 'empty' | 'none' | Uint8Array;

/** The platform's end of one long connection. */
export class MockConnection {
  /** Every frame received, in order. */
  readonly received: WireFrame[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #serviceId: number;
  /** By event id, oldest push first: an event may be pushed again before it is acknowledged. */
  readonly #pending = new Map<string, ((response: PushResponse | undefined) => void)[]>();
  readonly #pong: () => { behavior: PongBehavior; settings: object };
  #isFrozen = false;

  constructor(socket: WebSocket, serviceId: number, pong: () => { behavior: PongBehavior; settings: object }) {
    this.#socket = socket;
    this.#serviceId = serviceId;
    this.#pong = pong;
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        for (const resolvePush of [...this.#pending.values()].flat()) resolvePush(undefined);
        resolve(code);
      });
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get pings(): WireFrame[] {
    return this.received.filter((frame) => frame.method === 0 && wireHeader(frame, 'type') === 'ping');
  }

  get acknowledgements(): WireFrame[] {
    return this.received.filter((frame) => frame.method === 1);
  }

  /** @returns the response; `undefined` if the connection closes first */
  push(event: PlatformEvent, framing: Framing = {}): Promise<PushResponse | undefined> {
    const { promise, resolve } = Promise.withResolvers<PushResponse | undefined>();
    const waiting = this.#pending.get(event.id) ?? [];
    waiting.push(resolve);
    this.#pending.set(event.id, waiting);
    for (const frame of toFrames(event, framing, this.#serviceId)) this.send(encodeWireFrame(frame));
    return promise;
  }

  /** Sends a raw WebSocket message. */
  send(message: Uint8Array | string): void {
    this.#socket.send(message);
  }

  /** Sends a pong. */
  pong(payload?: Uint8Array): void {
    this.send(encodeWireFrame(pongFrame(this.#serviceId, payload)));
  }

  /** Ignores all further messages without closing the connection, as a half-open socket does. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** Ends the connection without a close frame. */
  hangUp(): void {
    this.#socket.terminate();
  }

  close(): void {
    this.#socket.close(1000);
  }

  #receive(data: Buffer): void {
    if (this.#isFrozen) return;
    const frame = decodeWireFrame(data);
    this.received.push(frame);
    if (frame.method === 0) this.#sendPong();
    else this.#acknowledge(frame);
  }

  #sendPong(): void {
    const { behavior, settings } = this.#pong();
    if (behavior === 'none') return;
    if (behavior === 'empty') this.pong();
    else this.pong(behavior === 'settings' ? Buffer.from(JSON.stringify(settings)) : behavior);
  }

  #acknowledge(frame: WireFrame): void {
    const id = wireHeader(frame, 'message_id') ?? '';
    const waiting = this.#pending.get(id) ?? [];
    waiting.shift()?.(readResponse(frame));
    if (waiting.length === 0) this.#pending.delete(id);
  }
}

/** Creates the frames that carry an event. */
export function toFrames(event: PlatformEvent, framing: Framing, serviceId: number): WireFrame[] {
  const { type = 'event', fragments = 1, encoding, frame } = framing;
  const sum = Math.max(1, fragments);
  const bytes = encoding === undefined ? Buffer.from(event.text) : gzipSync(event.text);
  const size = Math.ceil(bytes.length / sum);
  const order = framing.order ?? Array.from({ length: sum }, (_, seq) => seq);
  return order.map((seq) => ({
    SeqID: '0',
    LogID: '0',
    service: serviceId,
    method: 1,
    headers: [
      { key: 'type', value: type },
      { key: 'message_id', value: event.id },
      ...(fragments === 0
        ? []
        : [
            { key: 'sum', value: String(sum) },
            { key: 'seq', value: String(seq) },
          ]),
      { key: 'trace_id', value: `trace-${event.id}` },
    ],
    ...(encoding !== undefined && { payloadEncoding: encoding }),
    payload: bytes.subarray(seq * size, (seq + 1) * size),
    ...frame,
  }));
}

function pongFrame(serviceId: number, payload: Uint8Array | undefined): WireFrame {
  return {
    SeqID: '0',
    LogID: '0',
    service: serviceId,
    method: 0,
    headers: [{ key: 'type', value: 'pong' }],
    ...(payload === undefined ? {} : { payload }),
  };
}

/** @throws if the payload is not encoded as the frame says */
function readResponse({ payload = Buffer.alloc(0), payloadEncoding }: WireFrame): PushResponse {
  const { code, data } = JSON.parse(
    (payloadEncoding === 'gzip' ? gunzipSync(payload) : Buffer.from(payload)).toString(),
  );
  return data === undefined ? { code } : { code, data: JSON.parse(Buffer.from(data, 'base64').toString('utf8')) };
}
