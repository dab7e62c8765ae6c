import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { withoutQuery } from './address.ts';
import { backoff } from './backoff.ts';
import { Connection } from './connection.ts';
import { type Acknowledged, Deliveries, type Receive } from './deliveries.ts';
import { type Credentials, discover, type Endpoint } from './discovery.ts';
import { LongConnectionError, type LongConnectionErrorCode } from './errors.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { TIMING, type Timing } from './timing.ts';

export interface LongConnectionOptions extends Credentials {
  receive: Receive;
  log: Log;
  /** When it aborts, new events are rejected, those in flight are acknowledged, and the connection is closed. */
  signal: AbortSignal;
  acknowledged?: Acknowledged;
  /** Called whenever a connection has been opened. */
  opened?: () => void;
  /** Overrides, for tests and debugging. */
  timing?: Partial<Timing>;
}

/** `connecting`: during discovery and the handshake. `waiting`: until the next attempt. */
type LongConnectionState = 'connecting' | 'connected' | 'waiting' | 'draining' | 'ended';

/** The status of the connection, for the health check and metrics. Times are in milliseconds since the epoch. */
export interface LongConnectionStatus {
  state: LongConnectionState;
  /** When the client started or lost its connection; `undefined` while it is connected. */
  disconnectedAt: number | undefined;
  /** Why the last attempt failed; `undefined` after a successful one. */
  lastFailure: LongConnectionErrorCode | undefined;
  /** When the platform last answered a ping, on this or an earlier connection. */
  lastPongAt: number | undefined;
  pingIntervalMs: number;
  /** The number of connections opened after the first. */
  reconnects: number;
  /** The number of events that are not yet acknowledged. */
  inFlight: number;
}

export interface LongConnection {
  /**
   * Resolves once `signal` has aborted and the connection is closed. Rejects with a {@link LongConnectionError} if
   * retrying cannot help: `FEISHU_LOGIN_REFUSED` or `FEISHU_ADDRESS_INSECURE`.
   */
  readonly ended: Promise<void>;
  status(): LongConnectionStatus;
}

/**
 * Maintains a long connection to the platform and reconnects whenever it is lost. Acknowledges each event within
 * {@link TIMING.acknowledgeWithinMs}. After `signal` aborts, ends within that time plus {@link TIMING.closeWithinMs}.
 *
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
 */
export function maintainLongConnection(options: LongConnectionOptions): LongConnection {
  const reconnector = new Reconnector(options);
  return { ended: reconnector.run(), status: () => reconnector.status() };
}

/** How an attempt ended: the platform closed the connection, it was lost otherwise, or it could not be opened. */
type End = 'closed' | 'lost' | LongConnectionError;

const REASON = { closed: 'The platform closed the connection.', lost: 'The connection was lost.' } as const;

class Reconnector {
  readonly #options: LongConnectionOptions;
  readonly #timing: Timing;
  readonly #deliveries: Deliveries;
  // Stryker disable next-line StringLiteral: run() sets the state before anything can read it
  #state: LongConnectionState = 'connecting';
  #settings: Settings = DEFAULT_SETTINGS;
  #disconnectedAt: number | undefined = Date.now();
  #lastFailure: LongConnectionErrorCode | undefined;
  #lastPongAt: number | undefined;
  #opened = 0;
  /** Consecutive failures since the last pong. */
  #failures = 0;

  constructor(options: LongConnectionOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    const { receive, acknowledged = () => {}, log } = options;
    this.#deliveries = new Deliveries(receive, acknowledged, this.#timing.acknowledgeWithinMs, log);
  }

  status(): LongConnectionStatus {
    return {
      state: this.#state,
      disconnectedAt: this.#disconnectedAt,
      lastFailure: this.#lastFailure,
      lastPongAt: this.#lastPongAt,
      pingIntervalMs: this.#settings.pingIntervalMs,
      reconnects: Math.max(0, this.#opened - 1),
      inFlight: this.#deliveries.inFlight,
    };
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    try {
      while (!signal.aborted) {
        const end = await this.#attempt();
        if (signal.aborted) break;
        if (end instanceof LongConnectionError && end.consequence === 'give up') throw end;
        await this.#wait(end);
      }
      await this.#deliveries.drain();
    } finally {
      this.#state = 'ended';
    }
  }

  /** Runs one connection, from discovery until it ends. */
  async #attempt(): Promise<End> {
    const { signal } = this.#options;
    this.#state = 'connecting';
    try {
      const endpoint = await discover(this.#options, this.#timing.discoverWithinMs, signal);
      return signal.aborted ? 'lost' : await this.#connect(endpoint);
    } catch (error) {
      if (!(error instanceof LongConnectionError)) throw error;
      this.#lastFailure = error.code;
      return error;
    } finally {
      this.#disconnectedAt ??= Date.now();
    }
  }

  async #connect(endpoint: Endpoint): Promise<'closed' | 'lost'> {
    const { signal, log, opened } = this.#options;
    this.#settings = endpoint.settings;
    const events = {
      opened: () => {
        this.#state = 'connected';
        this.#disconnectedAt = undefined;
        this.#lastFailure = undefined;
        this.#opened++;
        log.info(`Connected to ${withoutQuery(endpoint.url)}`);
        opened?.();
      },
      pong: (settings: Settings) => {
        // Not reset on open: if the platform closed each connection at once, the client would reconnect without delay.
        this.#failures = 0;
        this.#lastPongAt = Date.now();
        this.#settings = settings;
      },
      draining: () => {
        this.#state = 'draining';
        log.info('Draining: no more events are accepted', { inFlight: this.#deliveries.inFlight });
      },
    };
    const connection = new Connection(endpoint, this.#deliveries, events, this.#timing, log);
    const stop = () => void connection.stop();
    signal.addEventListener('abort', stop);
    try {
      return await connection.ended;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #wait(end: End): Promise<void> {
    const { signal, log } = this.#options;
    this.#failures++;
    this.#state = 'waiting';
    const waitMs = Math.round(this.#chooseWait(end));
    const { message, code } = end instanceof LongConnectionError ? end : { message: REASON[end], code: undefined };
    log.warn(`${message} Next attempt in ${waitMs} ms.`, { code, failures: this.#failures });
    await sleep(waitMs, undefined, { signal }).catch(() => {
      // Aborted: the loop checks the signal.
    });
  }

  #chooseWait(end: End): number {
    const { reconnectIntervalMs: longestMs, reconnectNonceMs } = this.#settings;
    if (end instanceof LongConnectionError && end.consequence === 'wait') return longestMs * (0.5 + Math.random() / 2);
    // The platform closes many connections at the same time, and its nonce spreads the clients that return.
    if (end === 'closed' && this.#failures === 1 && reconnectNonceMs > 0) return Math.random() * reconnectNonceMs;
    return backoff(this.#failures, this.#timing.firstRetryWithinMs, longestMs);
  }
}
