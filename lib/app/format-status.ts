import type { StatusItem } from './app-status.ts';

const MARKS = { ok: '✓', missing: '✗', unknown: '?', extra: '!' } as const;

/** Formats an app's status: one line for each part, or for several parts that are unknown for the same reason. */
export function formatStatus(items: readonly StatusItem[]): string[] {
  const isUnknown = ({ status }: StatusItem) => status === 'unknown';
  const byReason = Map.groupBy(items.filter(isUnknown), ({ description }) => description);
  return items.flatMap((item) => {
    const same = (isUnknown(item) && byReason.get(item.description)) || [item];
    if (same[0] !== item) return [];
    const parts = same.length === 1 ? '' : `Not compared: ${same.map(({ part }) => part).join(', ')}. `;
    return [`${MARKS[item.status]} ${parts}${item.description}`];
  });
}
