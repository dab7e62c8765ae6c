import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decrypt } from '../../lib/feishu/cipher.ts';

const KEY = 'encrypt key';

/** Encrypts whole blocks, without padding. */
function encryptBlocks(bytes: Buffer): string {
  const vector = Buffer.alloc(16, 1);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(KEY).digest(), vector);
  cipher.setAutoPadding(false);
  return Buffer.concat([vector, cipher.update(bytes), cipher.final()]).toString('base64');
}

describe('Padding', () => {
  it.each([0, 17, 255])('of %i bytes is invalid, even if every byte has this value', (count) => {
    expect(() => decrypt(encryptBlocks(Buffer.alloc(32, count)), KEY)).toThrow('padding');
  });

  it('of 16 bytes is a whole block', () => {
    expect(decrypt(encryptBlocks(Buffer.concat([Buffer.alloc(16, 'a'), Buffer.alloc(16, 16)])), KEY)).toBe(
      'a'.repeat(16),
    );
  });
});
