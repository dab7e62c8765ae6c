import type { EventRecord } from '../wire.ts';

/** How another delivery of the same event relates to this one. */
export type RelationKind = 'copy-of' | 'sent-again' | 'redrive-of' | 'redriven-as';

export interface Relation {
  kind: RelationKind;
  record: EventRecord;
}

/**
 * Finds the other deliveries of an event, oldest first: the platform's retries, those of "Send again" and redrives have
 * the same event id.
 *
 * @param records newest first
 */
export function findRelations(record: EventRecord, records: readonly EventRecord[]): Relation[] {
  const { id, type, messageId, redriveOf } = record;
  if (id === undefined) return [];
  const index = records.findIndex((other) => other.messageId === messageId);
  const kindOf = (other: EventRecord, otherIndex: number): RelationKind => {
    if (other.messageId === redriveOf) return 'redrive-of';
    if (other.redriveOf === messageId) return 'redriven-as';
    return otherIndex > index ? 'copy-of' : 'sent-again';
  };
  return records
    .flatMap((other, otherIndex) => {
      const isSame = other.id === id && other.type === type && other.messageId !== messageId;
      return isSame ? [{ kind: kindOf(other, otherIndex), record: other }] : [];
    })
    .reverse();
}
