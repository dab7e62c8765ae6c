import { language } from './messages.ts';

const clock = new Intl.DateTimeFormat(language, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

const dateAndTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
const minutes = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** @param time in milliseconds since 1970 */
export function formatMinutes(time: number): string {
  return Number.isFinite(time) ? minutes.format(time) : '–';
}

/** @param time in milliseconds since 1970 */
export function formatDateAndTime(time: number): string {
  return Number.isFinite(time) ? dateAndTime.format(time) : '–';
}

const day = new Intl.DateTimeFormat(language, { month: '2-digit', day: '2-digit' });

/** Formats an ISO 8601 timestamp as a local time of day, with the date unless it is today. */
export function formatTime(time: string | undefined): string {
  const date = new Date(time ?? '');
  if (Number.isNaN(date.getTime())) return '–';
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

export function formatDuration(milliseconds: number | undefined): string {
  if (milliseconds === undefined || Number.isNaN(milliseconds)) return '–';
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Returns the time between two ISO 8601 timestamps. */
export function millisecondsBetween(start: string | undefined, end: string | undefined): number | undefined {
  if (start === undefined || end === undefined) return undefined;
  return new Date(end).getTime() - new Date(start).getTime();
}
