import type { StatusItem } from './app-status.ts';

const MARKS = { ok: '✓', missing: '✗', unknown: '?', extra: '!' } as const;

/** Formats a part of the app's status as one line. */
export function formatItem({ status, description }: StatusItem): string {
  return `${MARKS[status]} ${description}`;
}
