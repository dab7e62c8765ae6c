import { describe, expect, it } from 'vitest';
import { encryptKey, verificationToken } from './secrets.ts';
import { findLeaks } from './written-output.ts';

// The check that output-guard.ts applies to every test.

describe('A log line', () => {
  it.each([
    ['a secret', `{"message":"rejected","reason":"${encryptKey} does not match"}`],
    ['a secret', verificationToken],
    ['a signature', `x-lark-signature: ${'0123456789abcdef'.repeat(4)}`],
    ['a signature', `{"expected":"${'0123456789'.repeat(4)}"}`],
    ['a credential', '{"headers":{"authorization":"…"}}'],
    ['a credential', 'got a tenant_access_token'],
    ['the content of an event', '{"reason":"{\\"schema\\":\\"2.0\\"}"}'],
    ['the content of an event', 'POST {"encrypt":"FIAfJPGRmFZWkaxPQ1Xr"}'],
    ['the content of an event', 'Handling 世界'],
  ])('may not contain %s: %s', (leak, line) => {
    expect(findLeaks([line])).toEqual([`${leak}: ${line}`]);
  });

  it('may contain what identifies an event', () => {
    const line =
      '{"level":"INFO","message":"accepted","event_id":"5e3702a84e847582be8db7fb73283c02","event_type":"im.message.receive_v1","milliseconds":12}';
    expect(findLeaks([line])).toEqual([]);
  });

  it('may show content if that is its purpose, but no secret', () => {
    expect(findLeaks(['Would have sent: POST /reply {"content":"Hello"}'])).toEqual([]);
    expect(findLeaks([`Would have sent: ${encryptKey}`]).length).toBe(1);
    expect(findLeaks(['  "schema": "2.0"'], { isContentShown: true })).toEqual([]);
    expect(findLeaks([`  "token": "${verificationToken}"`], { isContentShown: true }).length).toBe(1);
  });
});
