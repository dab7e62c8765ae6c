import type { EventRecord } from '../wire.ts';

/** Returns the type of an event, or the error code of a rejected request. */
export function titleOf({ type, code }: EventRecord): string {
  return type ?? code ?? '…';
}
