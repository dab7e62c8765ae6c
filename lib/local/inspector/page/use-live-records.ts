import { useLayoutEffect, useState } from 'preact/hooks';
import { type BuildFailure, type EventRecord, LIVE_EVENTS } from '../wire.ts';

export interface LiveRecords {
  /** The events and the rejected requests, newest first. */
  records: readonly EventRecord[];
  /** `null` if the build succeeded. */
  buildFailure: BuildFailure | null;
  isConnected: boolean;
}

/** The local stack's limits. */
const MAXIMUM_RECORDS = 10_000;
const MAXIMUM_REJECTED = 100;

/**
 * Follows the local stack's event records and its build. Renders at most once per frame.
 *
 * @param source the live stream, just opened
 */
export function useLiveRecords(source: EventSource): LiveRecords {
  const [live, setLive] = useState<LiveRecords>({ records: [], buildFailure: null, isConnected: false });
  useLayoutEffect(() => {
    const records = new Map<string, EventRecord>();
    let buildFailure: BuildFailure | null = null;
    let frame: number | undefined;
    const render = () => {
      frame = undefined;
      const isConnected = source.readyState === EventSource.OPEN;
      setLive({ records: [...records.values()].reverse(), buildFailure, isConnected });
    };
    const scheduleRender = () => {
      frame ??= requestAnimationFrame(render);
    };
    // Sent on every connection: after a reconnect, the local stack may have restarted.
    source.addEventListener(LIVE_EVENTS.start, () => {
      records.clear();
      buildFailure = null;
      scheduleRender();
    });
    source.addEventListener(LIVE_EVENTS.build, ({ data }) => {
      buildFailure = JSON.parse(data);
      scheduleRender();
    });
    source.addEventListener('message', ({ data }) => {
      for (const record of JSON.parse(data) as EventRecord[]) records.set(record.messageId, record);
      const rejected = [...records.values()].filter(({ status }) => status === 'rejected');
      for (const { messageId } of rejected.slice(0, -MAXIMUM_REJECTED)) records.delete(messageId);
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
  }, [source]);
  return live;
}
