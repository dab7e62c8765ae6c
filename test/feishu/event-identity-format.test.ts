import { describe, expect, it } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';

function keyOf(header: object, event: object = {}): string {
  const text = JSON.stringify({ schema: '2.0', header: { event_type: 'some.type', ...header }, event });
  return deduplicationKey(parseEnvelope(text) as EventEnvelope, text);
}

describe('The deduplication key', () => {
  it('consists of the app, the type and the id', () => {
    expect(JSON.parse(keyOf({ app_id: 'cli_1', event_id: 'e1' }))).toEqual(['cli_1', 'some.type', 'e1']);
  });

  it('contains an empty string if the app is missing', () => {
    expect(JSON.parse(keyOf({ event_id: 'e1' }))).toEqual(['', 'some.type', 'e1']);
  });

  it('contains a SHA-256 digest of the header and the event if the id is missing', () => {
    const key = keyOf({ tenant_key: 't1' });
    expect(JSON.parse(key)[2]).toMatch(/^[\da-f]{64}$/);
    expect(keyOf({ tenant_key: 't1', token: 'any' })).toBe(key);
    expect(keyOf({ tenant_key: 't2' })).not.toBe(key);
    expect(keyOf({ tenant_key: 't1' }, { token: 'of the event' })).not.toBe(key);
  });
});
