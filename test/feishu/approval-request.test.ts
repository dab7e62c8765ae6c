import * as crypto from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ApprovalSecrets, readApprovalRequest } from '../../lib/feishu/approval-request.ts';
import { encrypt } from '../../lib/feishu/cipher.ts';

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof crypto>();
  return { ...original, timingSafeEqual: vi.fn(original.timingSafeEqual) };
});
beforeEach(() => {
  vi.mocked(crypto.timingSafeEqual).mockClear();
});

const token = 'the token of the definition';
const key = 'the key of the definition';
const request = JSON.stringify({ user_id: '世界', token });
const encrypted = (text: string, withKey = key) => JSON.stringify({ encrypt: encrypt(text, withKey) });
const read = (body: string | Buffer, secrets: ApprovalSecrets, mustBeEncrypted = true) =>
  readApprovalRequest(Buffer.from(body), secrets, mustBeEncrypted);

describe('A request of Approval', () => {
  it.each([
    ['plain, without a key', request, undefined, true],
    ['encrypted, with a key', encrypted(request), key, true],
    ['plain, with a key, if the platform does not encrypt it', request, key, false],
    ['encrypted, with a key, although the platform need not encrypt it', encrypted(request), key, false],
  ])('is accepted: %s', (_, body, key, mustBeEncrypted) => {
    expect(read(body, { token, key }, mustBeEncrypted)).toEqual({ text: request });
  });

  it.each([
    ['empty', '', key, true, 'not a JSON object'],
    ['not JSON', 'text', undefined, true, 'not a JSON object'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), undefined, true, 'not a JSON object'],
    ['plain, with a key', request, key, true, 'not encrypted'],
    ['encrypted, without a key', encrypted(request), undefined, true, 'there is no key'],
    ['with another token', JSON.stringify({ token: 'other' }), undefined, true, 'the token differs'],
    ['without a token', '{}', undefined, true, 'the token differs'],
    ['with a token that is not a text', JSON.stringify({ token: [token] }), undefined, true, 'the token differs'],
    ['plain, with another token and a key', JSON.stringify({ token: 'other' }), key, false, 'the token differs'],
    ['encrypted, with another token', encrypted('{"token":"other"}'), key, true, 'the token differs'],
    ['encrypted with another key', encrypted(request, 'other'), key, true, 'cannot be decrypted'],
    ['encrypted, but not JSON', encrypted('text'), key, true, 'is not a JSON object'],
    ['not base64', '{"encrypt":"!"}', key, true, 'not base64'],
    ['larger than 256 KiB', JSON.stringify({ token, x: 'x'.repeat(262_144) }), undefined, true, 'bytes'],
  ])('is rejected: %s', (_, body, key, mustBeEncrypted, reason) => {
    const result = read(body, { token, key }, mustBeEncrypted);
    expect(result).toEqual({ reason: expect.stringContaining(reason) });
    expect(result.reason).not.toContain(token);
  });

  it.each([
    ['an authentic request', encrypted(request)],
    ['another token', encrypted('{"token":"x"}')],
    ['no token', encrypted('{}')],
    ['text that is not JSON', encrypted('text')],
    ['wrong padding', JSON.stringify({ encrypt: Buffer.alloc(48).toString('base64') })],
  ])('goes through the same steps if it decrypts to %s', (_, body) => {
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    read(body, { token, key });
    expect(parse.mock.results.map(({ type }) => type).toSorted()).toEqual(['return', 'return', 'throw']);
    const lengths = vi.mocked(crypto.timingSafeEqual).mock.calls.map(([a, b]) => [a.byteLength, b.byteLength]);
    expect(lengths).toEqual([[32, 32]]);
  });
});
