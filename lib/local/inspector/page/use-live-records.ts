import { useEffect, useState } from 'preact/hooks';
import { type EventRecord, ROUTES } from '../wire.ts';

export interface LiveRecords {
  /** From the newest to the oldest. */
  records: readonly EventRecord[];
  isConnected: boolean;
}

/** As many as the local stack remembers. */
const KEPT = 10_000;

/** What the local stack says of events, drawn once a frame however many there are. */
export function useLiveRecords(): LiveRecords {
  const [live, setLive] = useState<LiveRecords>({ records: [], isConnected: false });
  useEffect(() => {
    const records = new Map<string, EventRecord>();
    let frame: number | undefined;
    const draw = () => {
      frame = undefined;
      setLive({ records: [...records.values()].reverse(), isConnected: source.readyState === EventSource.OPEN });
    };
    const drawSoon = () => {
      frame ??= requestAnimationFrame(draw);
    };
    const source = new EventSource(ROUTES.live);
    // Also after a new connection: the local stack may be another one by then.
    source.addEventListener('start', () => {
      records.clear();
      drawSoon();
    });
    source.addEventListener('message', ({ data }) => {
      for (const record of JSON.parse(data) as EventRecord[]) records.set(record.messageId, record);
      for (const messageId of records.keys()) {
        if (records.size <= KEPT) break;
        records.delete(messageId);
      }
      drawSoon();
    });
    source.addEventListener('error', drawSoon);
    return () => {
      source.close();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, []);
  return live;
}
