import { createHash } from 'node:crypto';
import type { Log } from '../handler.ts';
import type { CallSchedules, StoredSchedule } from '../store/call-schedules.ts';
import { startDeadline } from '../util/deadline.ts';
import { type CallSchedule, reserveTime, type WaitingCall } from './call-schedule.ts';
import { readLimitedCall } from './limited-call.ts';
import type { CallSlots } from './rate-limits.ts';

/** Whose calls the slots are for. */
interface Caller {
  /** The tenant of a store app's event: the platform's limits are per tenant. */
  tenant: string | undefined;
  /** The chat of the event. */
  chat: string | undefined;
  log: Log;
}

export type FindCallSlots = (caller: Caller) => CallSlots;

interface Waiting {
  call: WaitingCall;
  resolve: (time: number) => void;
}

/** If DynamoDB does not respond, calls are made without a reservation. The platform may then reject them. */
const RESERVE_WITHIN_MILLISECONDS = 10_000;
/** A write may take longer than the request before it. */
const LEAD_PER_ROUND_TRIP = 2;

/**
 * Keeps the calls of all workers below the platform's limits: each call gets its time from a schedule in DynamoDB. The
 * calls of a worker that wait at the same time share one write. A write is repeated if another worker wrote in between.
 */
export function createSharedCallSlots(schedules: CallSchedules, appId: string): FindCallSlots {
  const waiting = new Map<string, Waiting[]>();

  const reserveAll = async (name: string, log: Log) => {
    using deadline = startDeadline(RESERVE_WITHIN_MILLISECONDS);
    const queue = waiting.get(name) as Waiting[];
    const taken: Waiting[] = [];
    try {
      let sentAt = Date.now();
      let stored: StoredSchedule | undefined = await schedules.read(name, deadline.signal);
      while (stored !== undefined) {
        // The time of the first call must not pass while the schedule is written.
        const now = Date.now() + (Date.now() - sentAt) * LEAD_PER_ROUND_TRIP;
        // Those that arrived in between, too.
        taken.push(...queue.splice(0));
        const schedule: CallSchedule =
          stored.text === undefined ? { apis: {}, recipients: {} } : JSON.parse(stored.text);
        const times = taken.map(({ call }) => reserveTime(schedule, call, now));
        sentAt = Date.now();
        stored = times.some(({ isChanged }) => isChanged)
          ? await schedules.replace(name, stored, JSON.stringify(schedule), deadline.signal)
          : undefined;
        if (stored === undefined) for (const [index, { time }] of times.entries()) taken[index]?.resolve(time);
      }
    } catch (error) {
      log.warn('No time could be reserved for calls. They are made at once', { error });
      taken.push(...queue.splice(0));
      for (const { call, resolve } of taken) resolve(call.earliest);
    }
  };

  const reserve = (name: string, call: WaitingCall, log: Log) =>
    new Promise<number>((resolve) => {
      const queue = waiting.get(name);
      if (queue !== undefined) {
        queue.push({ call, resolve });
        return;
      }
      waiting.set(name, [{ call, resolve }]);
      const run = async () => {
        while ((waiting.get(name)?.length ?? 0) > 0) await reserveAll(name, log);
        waiting.delete(name);
      };
      void run();
    });

  return ({ tenant, chat, log }) => ({
    async reserve(request, earliest, latest, rejection) {
      const call = readLimitedCall(request, chat);
      if (call === undefined) return earliest;
      const recipient = call.recipient === undefined ? undefined : shortHash(call.recipient);
      const name = tenant === undefined ? appId : `${appId}#${tenant}`;
      return reserve(name, { api: call.api, recipient, earliest, latest, rejection }, log);
    },
  });
}

/** Keeps the item small, and ids out of it. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 10);
}
