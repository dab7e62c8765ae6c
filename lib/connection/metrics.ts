import type { LongConnection } from '../feishu/long-connection/reconnector.ts';
import { embeddedMetrics, type MetricValues } from '../observability/embedded-metrics.ts';
import { writeLine } from '../observability/log.ts';

const INTERVAL_MILLISECONDS = 60_000;
/** CloudWatch's limit of a metric's values per line. */
const MAXIMUM_VALUES = 100;

/** Writes the metrics of the long connection. */
export class ConnectionMetrics {
  readonly #service: string;
  #acknowledgeTimes: number[] = [];
  #knownReconnects = 0;

  constructor(service = 'feishu-events') {
    this.#service = service;
  }

  /** Reports a connection at once, so that the alarm finds it when the first deployment creates the alarm. */
  opened(): void {
    this.#write({ ConnectionUp: { unit: 'Count', value: 1 } });
  }

  /** Reports how many connections the app has according to the platform, including those of other programs. */
  counted(connections: number): void {
    this.#write({ PlatformConnections: { unit: 'Count', value: connections } });
  }

  /** Records the time that an acknowledgement took. */
  acknowledged(milliseconds: number): void {
    this.#acknowledgeTimes.push(Math.round(milliseconds));
    if (this.#acknowledgeTimes.length === MAXIMUM_VALUES) this.#writeAcknowledgeTimes();
  }

  /** Writes the connection's state every minute, and once more on disposal. */
  observe(connection: LongConnection): Disposable {
    const writeAll = () => {
      this.#writeState(connection);
      this.#writeAcknowledgeTimes();
    };
    const timer = setInterval(writeAll, INTERVAL_MILLISECONDS);
    return {
      [Symbol.dispose]() {
        clearInterval(timer);
        writeAll();
      },
    };
  }

  #writeState(connection: LongConnection): void {
    const { state, reconnects, inFlight } = connection.status();
    this.#write({
      ConnectionUp: { unit: 'Count', value: state === 'connected' ? 1 : 0 },
      Reconnects: { unit: 'Count', value: reconnects - this.#knownReconnects },
      InFlight: { unit: 'Count', value: inFlight },
    });
    this.#knownReconnects = reconnects;
  }

  #writeAcknowledgeTimes(): void {
    if (this.#acknowledgeTimes.length === 0) return;
    this.#write({ AcknowledgeTime: { unit: 'Milliseconds', value: this.#acknowledgeTimes } });
    this.#acknowledgeTimes = [];
  }

  #write(values: MetricValues): void {
    writeLine({ ...embeddedMetrics(values, [['service']]), service: this.#service });
  }
}
