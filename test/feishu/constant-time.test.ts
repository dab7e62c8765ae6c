import * as crypto from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { readRequest, writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { rejectionOf } from '../support/rejection.ts';

// These tests measure no time. They count the calls of Node's constant-time comparison and check their arguments.

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof crypto>();
  return {
    ...original,
    timingSafeEqual: vi.fn(original.timingSafeEqual),
    createDecipheriv: vi.fn(original.createDecipheriv),
  };
});
const comparisons = vi.mocked(crypto.timingSafeEqual).mock;
beforeEach(() => {
  vi.mocked(crypto.timingSafeEqual).mockClear();
  vi.mocked(crypto.createDecipheriv).mockClear();
});

const encryptKeys = ['first key', 'second key', 'third key'];
const verificationTokens = ['first token', 'second, longer token', 'third'];
const event = (token: string) => createSample('message', { version: '1.0', token });
const read = (request: ReturnType<typeof writeRequest>, secrets: Parameters<typeof readRequest>[1]) =>
  rejectionOf(() => readRequest(request, secrets, Date.now()))?.code;

/** The lengths of the compared values, in bytes. */
const lengths = () => comparisons.calls.map(([actual, expected]) => [actual.byteLength, expected.byteLength]);

describe('the Verification Token', () => {
  it.each(['first token', 'third', 'wrong', 'x', '', 'second, longer token and more'])(
    'is compared with every configured token, as digests of equal length, if the body contains "%s"',
    (token) => {
      const code = read(writeRequest(event(token), undefined, Date.now()), { encryptKeys: [], verificationTokens });
      expect(code).toBe(verificationTokens.includes(token) ? undefined : 'FEISHU_TOKEN_WRONG');
      expect(lengths()).toEqual(Array(verificationTokens.length).fill([32, 32]));
    },
  );
});

describe('the signature', () => {
  it.each(encryptKeys)('of a request signed with the %s is compared with the signature of each key', (encryptKey) => {
    expect(read(writeRequest(event(''), { encryptKey }, Date.now()), { encryptKeys, verificationTokens: [] })).toBe(
      undefined,
    );
    expect(lengths()).toEqual(Array(encryptKeys.length).fill([64, 64]));
  });

  it.each([0, 31, 63])('is compared completely if character %i is wrong', (position) => {
    const request = writeRequest(event(''), { encryptKey: 'first key' }, Date.now());
    const signature = request.headers['x-lark-signature'] as string;
    const other = signature[position] === '0' ? '1' : '0';
    const forged = signature.slice(0, position) + other + signature.slice(position + 1);
    const headers = { ...request.headers, 'x-lark-signature': forged };
    expect(read({ ...request, headers }, { encryptKeys, verificationTokens: [] })).toBe('FEISHU_SIGNATURE_WRONG');
    expect(lengths()).toEqual(Array(encryptKeys.length).fill([64, 64]));
  });
});

describe('an unsigned body, if an Encrypt Key is set,', () => {
  const keys = ['first key', 'second key', 'third key'];
  const verification = (token: string) => JSON.stringify({ challenge: 'c', token, type: 'url_verification' });
  const bodies: [string, string][] = [
    ['a URL verification', encrypt(verification('third'), 'first key')],
    ['a URL verification with the last key', encrypt(verification('first token'), 'third key')],
    ['a URL verification with a wrong token', encrypt(verification('wrong'), 'second key')],
    ['a URL verification without a token', encrypt('{"type":"url_verification","challenge":"c"}', 'second key')],
    ['an event', encrypt(event('first token'), 'second key')],
    ['text that is not JSON', encrypt('text', 'first key')],
    ['wrong padding', Buffer.alloc(48).toString('base64')],
  ];

  it.each(bodies)('goes through the same steps if it decrypts to %s', (_name, encrypted) => {
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const outcomes = () => parse.mock.results.map(({ type }) => type).toSorted();
    read({ headers: {}, body: Buffer.from(`{"encrypt":"${encrypted}"}`) }, { encryptKeys: keys, verificationTokens });
    expect(outcomes()).toEqual([...Array(1 + keys.length).fill('return'), ...Array(keys.length).fill('throw')]);
    expect(vi.mocked(crypto.createDecipheriv)).toHaveBeenCalledTimes(keys.length);
    expect(lengths()).toEqual(Array(keys.length * verificationTokens.length).fill([32, 32]));
  });
});
