import { useEffect, useState } from 'preact/hooks';
import { type EventRecord, ROUTES } from '../wire.ts';

export interface LiveRecords {
  /** Newest first. */
  records: readonly EventRecord[];
  isConnected: boolean;
}

/** The local stack's limit. */
const MAXIMUM_RECORDS = 10_000;

/** Follows the local stack's event records. Renders at most once per frame. */
export function useLiveRecords(): LiveRecords {
  const [live, setLive] = useState<LiveRecords>({ records: [], isConnected: false });
  useEffect(() => {
    const records = new Map<string, EventRecord>();
    let frame: number | undefined;
    const render = () => {
      frame = undefined;
      setLive({ records: [...records.values()].reverse(), isConnected: source.readyState === EventSource.OPEN });
    };
    const scheduleRender = () => {
      frame ??= requestAnimationFrame(render);
    };
    const source = new EventSource(ROUTES.live);
    // Sent on every connection: after a reconnect, the local stack may have restarted.
    source.addEventListener('start', () => {
      records.clear();
      scheduleRender();
    });
    source.addEventListener('message', ({ data }) => {
      for (const record of JSON.parse(data) as EventRecord[]) records.set(record.messageId, record);
      for (const messageId of records.keys()) {
        if (records.size <= MAXIMUM_RECORDS) break;
        records.delete(messageId);
      }
      scheduleRender();
    });
    source.addEventListener('error', scheduleRender);
    return () => {
      source.close();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, []);
  return live;
}
