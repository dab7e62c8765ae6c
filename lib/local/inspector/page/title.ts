import type { EventRecord } from '../wire.ts';
import { messages } from './messages.ts';

/** Returns the type of an event, or the error code of a rejected request. */
export function titleOf({ type, code, status }: EventRecord): string {
  if (type !== undefined || code === undefined) return type ?? '…';
  return status === 'rejected' ? code : messages.unknownEnvelope;
}
