/** @param position any non-negative integer; wraps around after the last bit */
export function flipBit(bytes: Uint8Array, position: number): Buffer {
  const flipped = Buffer.from(bytes);
  const index = Math.floor(position / 8) % flipped.length;
  flipped.writeUInt8(flipped.readUInt8(index) ^ (1 << (position % 8)), index);
  return flipped;
}

/** Like {@link flipBit}, for a header value (Latin-1). */
export function flipBitOfHeader(value: string, position: number): string {
  return flipBit(Buffer.from(value, 'latin1'), position).toString('latin1');
}
