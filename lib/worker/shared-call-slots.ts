import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../handler.ts';
import type { CallSchedules } from '../store/call-schedules.ts';
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
const RESERVE_WITHIN_MILLISECONDS = 2000;
/** Before the next try, if another worker changed the schedule in between. */
const LONGEST_CONFLICT_DELAY_MILLISECONDS = 30;

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
      for (;;) {
        const stored = await schedules.read(name, deadline.signal);
        // Those that arrived while it was read, too.
        taken.push(...queue.splice(0));
        const schedule: CallSchedule =
          stored.text === undefined ? { apis: {}, recipients: {} } : JSON.parse(stored.text);
        const reserved = taken.map(({ call, resolve }) => ({ resolve, ...reserveTime(schedule, call, Date.now()) }));
        const isChanged = reserved.some((one) => one.isChanged);
        if (!isChanged || (await schedules.replace(name, stored, JSON.stringify(schedule), deadline.signal))) {
          for (const { resolve, time } of reserved) resolve(time);
          return;
        }
        await sleep(Math.random() * LONGEST_CONFLICT_DELAY_MILLISECONDS);
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
