import { once } from 'node:events';
import { WebSocket } from 'ws';

type Message = Record<string, unknown>;

/** An inspector event of a thread. */
export interface ThreadEvent {
  sessionId: string;
  method: string;
  params: Message;
}

/** A debugger attached to a Node process and its threads over the inspector protocol, as an editor attaches. */
export class Debugger implements Disposable {
  /** Oldest first. */
  readonly events: ThreadEvent[] = [];
  readonly #socket: WebSocket;
  readonly #replies = new Map<string, (message: Message) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))));
  }

  /** @param url the URL that Node prints after "Debugger listening on" */
  static async attach(url: string): Promise<Debugger> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const attached = new Debugger(socket);
    await attached.#call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return attached;
  }

  /** Sends a command to a thread. */
  callThread(sessionId: string, method: string, params: Message = {}): Promise<Message> {
    const id = ++this.#lastId;
    const message = JSON.stringify({ id, method, params });
    void this.#call('NodeWorker.sendMessageToWorker', { sessionId, message });
    return new Promise((resolve) => this.#replies.set(`${sessionId} ${id}`, resolve));
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #call(method: string, params: Message): Promise<Message> {
    const id = ++this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#replies.set(` ${id}`, resolve));
  }

  #receive(message: Message): void {
    if (message.id !== undefined) this.#replies.get(` ${message.id}`)?.(message);
    const { sessionId, message: inner, ...params } = (message.params ?? {}) as Record<string, string>;
    if (message.method === 'NodeWorker.attachedToWorker') void this.callThread(sessionId ?? '', 'Debugger.enable');
    if (message.method !== 'NodeWorker.receivedMessageFromWorker' || inner === undefined) return;
    const fromThread = JSON.parse(inner);
    if (fromThread.id !== undefined) this.#replies.get(`${sessionId} ${fromThread.id}`)?.(fromThread);
    else this.events.push({ ...params, sessionId: sessionId ?? '', ...fromThread });
  }
}
