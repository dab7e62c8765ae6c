import type { LimitedCall } from './limited-call.ts';
import type { LimitScope } from './rate-limits.ts';

/**
 * The times of an app's calls, as a JSON value. Times are milliseconds since the epoch; the clocks of workers differ by
 * less than the margins below.
 */
export interface CallSchedule {
  apis: Record<string, ApiSchedule>;
  /** When the next message to each chat or user may be sent. */
  recipients: Record<string, number>;
}

interface ApiSchedule {
  /** The reserved ticks that have not passed. */
  ticks: number[];
  /** How many calls each second of the last minute has, and each one to come. */
  seconds: Record<string, number>;
  /** No call before this time, because the platform rejected one. */
  from: number;
}

/** A call that waits for its time. All times are milliseconds since the epoch. */
export interface WaitingCall extends LimitedCall {
  earliest: number;
  /** If the call cannot be made by then, nothing is reserved. */
  latest: number;
  /** The limit that rejected the call before, until `earliest`. */
  rejection?: LimitScope | undefined;
}

/** Of the platform's 50, because calls are sometimes up to half a second late. A burst of 1,000 takes half a minute. */
const TICKS_PER_SECOND = 32;
const TICK_MILLISECONDS = 1000 / TICKS_PER_SECOND;
/** The platform's limit. In any 61 whole seconds, so that calls of different delay stay below it in any minute. */
const CALLS_PER_MINUTE = 1000;
const MINUTE_SECONDS = 61;
/** Four messages per second of the platform's five. */
const RECIPIENT_MILLISECONDS = 250;

/** A rejection that moves the next call by less is not worth a write: the times include jitter. */
const REJECTION_TOLERANCE_MILLISECONDS = 2000;

/** The time of a call, in milliseconds since the epoch. */
export interface ReservedTime {
  time: number;
  /** Whether the schedule changed. It does not if the call cannot be made in time. */
  isChanged: boolean;
}

/**
 * Reserves the time of a call in the schedule.
 *
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/create
 * @param now milliseconds since the epoch
 * @returns the time of the call. If it is later than the call's `latest`, it is not reserved.
 */
export function reserveTime(schedule: CallSchedule, call: WaitingCall, now: number): ReservedTime {
  const { api, recipient, earliest, latest, rejection } = call;
  removePast(schedule, now);
  schedule.apis[api] ??= { ticks: [], seconds: {}, from: 0 };
  const apiSchedule = schedule.apis[api];
  const { recipients } = schedule;
  const isLimited = rejection === 'api' && earliest > apiSchedule.from + REJECTION_TOLERANCE_MILLISECONDS;
  if (isLimited) apiSchedule.from = earliest;
  const first = Math.max(now, earliest, apiSchedule.from, (recipient !== undefined && recipients[recipient]) || 0);
  const tick = findFreeTick(apiSchedule, Math.ceil(first / TICK_MILLISECONDS));
  const time = Math.ceil(tick * TICK_MILLISECONDS);
  if (time > latest) return { time, isChanged: isLimited };
  apiSchedule.ticks.push(tick);
  // The platform does not count calls that it rejects.
  if (rejection === undefined) {
    const second = secondOf(tick);
    apiSchedule.seconds[second] = (apiSchedule.seconds[second] ?? 0) + 1;
  }
  if (recipient !== undefined) recipients[recipient] = time + RECIPIENT_MILLISECONDS;
  return { time, isChanged: true };
}

function findFreeTick({ ticks, seconds }: ApiSchedule, first: number): number {
  const taken = new Set(ticks);
  const counts = Object.entries(seconds).map(([second, count]) => [Number(second), count] as const);
  for (let tick = first; ; ) {
    const start = secondOf(tick) - MINUTE_SECONDS;
    // Later seconds count as well: a call in between would be in their minute.
    const calls = counts.reduce((sum, [second, count]) => (second > start ? sum + count : sum), 0);
    if (calls >= CALLS_PER_MINUTE) tick = (secondOf(tick) + 1) * TICKS_PER_SECOND;
    else if (taken.has(tick)) tick += 1;
    else return tick;
  }
}

function secondOf(tick: number): number {
  return Math.floor(tick / TICKS_PER_SECOND);
}

function removePast({ apis, recipients }: CallSchedule, now: number): void {
  const nowTick = Math.floor(now / TICK_MILLISECONDS);
  for (const [api, schedule] of Object.entries(apis)) {
    schedule.ticks = schedule.ticks.filter((tick) => tick >= nowTick);
    for (const second of Object.keys(schedule.seconds)) {
      if (Number(second) <= secondOf(nowTick) - MINUTE_SECONDS) delete schedule.seconds[second];
    }
    const isUsed = schedule.ticks.length > 0 || Object.keys(schedule.seconds).length > 0 || schedule.from > now;
    if (!isUsed) delete apis[api];
  }
  for (const [recipient, time] of Object.entries(recipients)) if (time <= now) delete recipients[recipient];
}
