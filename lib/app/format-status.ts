import type { StatusItem } from './app-status.ts';

const MARKS = { ok: '✓', missing: '✗', unknown: '?', extra: '!' } as const;

/** Formats an app's status, one line each. */
export function formatStatus(items: readonly StatusItem[]): string[] {
  return mergeUnknown(items).map(({ status, description }) => `${MARKS[status]} ${description}`);
}

/** Merges parts that are unknown for the same reason into one item, which names them. */
export function mergeUnknown(items: readonly StatusItem[]): StatusItem[] {
  const isUnknown = ({ status }: StatusItem) => status === 'unknown';
  const byReason = Map.groupBy(items.filter(isUnknown), ({ description }) => description);
  return items.flatMap((item) => {
    const same = (isUnknown(item) && byReason.get(item.description)) || [item];
    if (same[0] !== item) return [];
    if (same.length === 1) return [item];
    const parts = same.map(({ part }) => part).join(', ');
    return [{ ...item, description: `Not compared: ${parts}. ${item.description}` }];
  });
}
