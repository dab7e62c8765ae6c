import type { WebSocket } from 'ws';
import type { Answer, PlatformEvent } from './deliveries.ts';
import { decodeWireFrame, encodeWireFrame, type WireFrame, wireHeader } from './wire.ts';

/** How an event is put on the wire. */
export interface Framing {
  type?: string;
  /** In how many fragments. One has `sum` and `seq` as well, unless this is 0. */
  fragments?: number;
  /** The order the fragments are sent in. */
  order?: readonly number[];
  /** Of the ids and headers that a test cares for. */
  frame?: Partial<WireFrame>;
}

/** How pings are answered. Bytes are a pong's payload as it is. */
export type PongBehaviour = 'settings' | 'empty' | 'none' | Uint8Array;

/** The platform's end of one long connection. */
export class FakeConnection {
  /** Every frame that came, in its order. */
  readonly received: WireFrame[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #serviceId: number;
  /** By the event's id, in the order of pushing: an event may be pushed again while it is unanswered. */
  readonly #unanswered = new Map<string, ((answer: Answer | undefined) => void)[]>();
  readonly #pong: () => { behaviour: PongBehaviour; settings: object };
  #isFrozen = false;

  constructor(socket: WebSocket, serviceId: number, pong: () => { behaviour: PongBehaviour; settings: object }) {
    this.#socket = socket;
    this.#serviceId = serviceId;
    this.#pong = pong;
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        for (const answer of [...this.#unanswered.values()].flat()) answer(undefined);
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

  /** Pushes an event. @returns the answer, `undefined` when the connection ends before it comes */
  push(event: PlatformEvent, framing: Framing = {}): Promise<Answer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const waiting = this.#unanswered.get(event.id) ?? [];
    waiting.push(resolve);
    this.#unanswered.set(event.id, waiting);
    for (const frame of toFrames(event, framing, this.#serviceId)) this.send(encodeWireFrame(frame));
    return promise;
  }

  /** Sends a message as it is. */
  send(message: Uint8Array | string): void {
    this.#socket.send(message);
  }

  /** Sends a pong that nobody asked for. */
  pong(payload?: Uint8Array): void {
    this.send(encodeWireFrame(pongFrame(this.#serviceId, payload)));
  }

  /** From now on nothing gets through in either direction, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** Ends it without a closing frame. */
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
    if (frame.method === 0) this.#answerPing();
    else this.#answered(frame);
  }

  #answerPing(): void {
    const { behaviour, settings } = this.#pong();
    if (behaviour === 'none') return;
    if (behaviour === 'empty') this.pong();
    else this.pong(behaviour === 'settings' ? Buffer.from(JSON.stringify(settings)) : behaviour);
  }

  #answered(frame: WireFrame): void {
    const id = wireHeader(frame, 'message_id') ?? '';
    const waiting = this.#unanswered.get(id) ?? [];
    waiting.shift()?.(readAnswer(frame));
    if (waiting.length === 0) this.#unanswered.delete(id);
  }
}

/** The frames that carry an event. */
export function toFrames(event: PlatformEvent, framing: Framing, serviceId: number): WireFrame[] {
  const { type = 'event', fragments = 1, frame } = framing;
  const sum = Math.max(1, fragments);
  const bytes = Buffer.from(event.text);
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

function readAnswer(frame: WireFrame): Answer {
  const { code, data } = JSON.parse(Buffer.from(frame.payload ?? []).toString('utf8'));
  return data === undefined ? { code } : { code, data: JSON.parse(Buffer.from(data, 'base64').toString('utf8')) };
}
