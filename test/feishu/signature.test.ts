import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SignedRequest, sign, verify } from '../../lib/feishu/signature.ts';
import { flipBit, flipBitOfHeader } from '../support/bits.ts';
import { runs } from '../support/volume.ts';

const timestamp = '1728036226';
const nonce = 'f3a1c0d2e4b59687';
const encryptKey = 'kudryavka';

// The digests come from `printf '%s' "$timestamp" "$nonce" "$secret" "$body" | openssl dgst -sha256` (or -sha1).
const KNOWN_EVENTS: { name: string; request: SignedRequest; signature: string }[] = [
  {
    name: 'an encrypted body',
    request: { timestamp, nonce, body: Buffer.from('{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}') },
    signature: 'b5e18fe636c18fc277fb4923deb86fabc87fac26f728b787a0793a3b16c01194',
  },
  {
    name: 'a body with Chinese characters and an emoji',
    request: { timestamp, nonce, body: Buffer.from('{"text":"你好 👋"}') },
    signature: '9e7ea72ae513bce8ce662aa14213d91ee03522d1221a2033c92933c0e41ed5e3',
  },
  {
    name: "a timestamp in Go's format",
    request: {
      timestamp: '2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1',
      nonce,
      body: Buffer.from('{"encrypt":""}'),
    },
    signature: '07beac5e275bcb10fa505a2886b1aea4ec751af847374faf544e5006ea194c00',
  },
  {
    name: 'an empty body',
    request: { timestamp, nonce, body: Buffer.alloc(0) },
    signature: '99a5999ae3131e8ef3e3c29677c6f7948615db0fdaf39d94485156afc022702a',
  },
  {
    name: 'bytes that are not text',
    request: { timestamp, nonce, body: Buffer.of(0xff, 0xfe, 0x00, 0x80) },
    signature: 'ce58b0f0142999820d4ad1d2809f9d0b985f9f31184588883a6e575f52a9dc3c',
  },
];

const OLD_CARD = {
  request: {
    timestamp,
    nonce,
    body: Buffer.from('{"open_id":"ou_1","open_message_id":"om_1","action":{"tag":"button"}}'),
  },
  verificationToken: 'v-token',
  signature: '9ea4389122d6f2179817e1ae6f78680d5450f3a0',
};

describe('the signature of an event', () => {
  it.each(KNOWN_EVENTS)('equals the one that OpenSSL computes for $name', ({ request, signature }) => {
    expect(sign(request, encryptKey)).toBe(signature);
    expect(verify(request, signature, encryptKey)).toBe(true);
  });

  it.each(KNOWN_EVENTS)('does not match another key, for $name', ({ request, signature }) => {
    expect(verify(request, signature, 'Kudryavka')).toBe(false);
  });

  it('is not the SHA-1 of the same text', () => {
    const [{ request, signature }] = KNOWN_EVENTS as [(typeof KNOWN_EVENTS)[0]];
    expect(verify(request, signature, encryptKey, 'sha1')).toBe(false);
    expect(verify(request, sign(request, encryptKey, 'sha1'), encryptKey)).toBe(false);
  });
});

describe('the signature of an old card callback', () => {
  it('equals the SHA-1 digest that OpenSSL computes with the Verification Token', () => {
    const { request, verificationToken, signature } = OLD_CARD;
    expect(sign(request, verificationToken, 'sha1')).toBe(signature);
    expect(verify(request, signature, verificationToken, 'sha1')).toBe(true);
    expect(verify(request, signature, 'another token', 'sha1')).toBe(false);
  });
});

describe('verify', () => {
  const request = { timestamp, nonce, body: Buffer.from('{}') };
  const signature = sign(request, encryptKey);

  it.each([
    ['an empty signature', ''],
    ['a shorter signature', signature.slice(0, -1)],
    ['a longer signature', `${signature}0`],
    ['a signature with a space', ` ${signature}`],
    ['a signature in upper case', signature.toUpperCase()],
    ['a signature of the same number of characters but more bytes', '你'.repeat(signature.length)],
    ['a signature of the same number of bytes but fewer characters', 'é'.repeat(signature.length / 2)],
  ])('rejects %s', (_name, invalid) => {
    expect(verify(request, invalid, encryptKey)).toBe(false);
  });

  it('rejects an empty secret, with which anyone could sign', () => {
    const error = new TypeError('The signing secret is empty');
    expect(() => sign(request, '')).toThrow(error);
    expect(() => verify(request, signature, '')).toThrow(error);
  });

  it.each(['sha256', 'sha1'] as const)('accepts every signature that sign computes with %s', (algorithm) => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.uint8Array(),
        fc.string({ minLength: 1 }),
        (anyTimestamp, anyNonce, body, secret) => {
          const signed = { timestamp: anyTimestamp, nonce: anyNonce, body };
          expect(verify(signed, sign(signed, secret, algorithm), secret, algorithm)).toBe(true);
        },
      ),
      { numRuns: runs(2000) },
    );
  });

  it.each(['sha256', 'sha1'] as const)('rejects a request with any bit flipped, with %s', (algorithm) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.string({ minLength: 1 }), fc.nat(), (body, secret, bit) => {
        const original = { timestamp, nonce, body };
        const validSignature = sign(original, secret, algorithm);
        const tampered: [SignedRequest, string][] = [
          [{ ...original, body: flipBit(body, bit) }, validSignature],
          [{ ...original, timestamp: flipBitOfHeader(timestamp, bit) }, validSignature],
          [{ ...original, nonce: flipBitOfHeader(nonce, bit) }, validSignature],
          [original, flipBitOfHeader(validSignature, bit)],
        ];
        expect(
          tampered.map(([changed, tamperedSignature]) => verify(changed, tamperedSignature, secret, algorithm)),
        ).toEqual([false, false, false, false]);
      }),
      { numRuns: runs(10_000) },
    );
  });
});
