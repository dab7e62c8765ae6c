// Joins still WebP pictures, which Chromium can encode, into an animated one, which it cannot.

/** @see https://developers.google.com/speed/webp/docs/riff_container */
export interface AnimationFrame {
  /** A still picture in WebP format, which replaces this part of the canvas. */
  picture: Buffer;
  /** In pixels, even numbers. */
  left: number;
  top: number;
  width: number;
  height: number;
  milliseconds: number;
}

const HAS_ALPHA = 0x10;
const HAS_ANIMATION = 0x02;
const DO_NOT_BLEND = 0x02;
/** The chunks of a still picture that a frame contains. */
const FRAME_CHUNKS: ReadonlySet<string> = new Set(['ALPH', 'VP8 ', 'VP8L']);

/** Returns an animated WebP picture that repeats endlessly. */
export function createAnimation(width: number, height: number, frames: readonly AnimationFrame[]): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt8(HAS_ALPHA | HAS_ANIMATION, 0);
  header.writeUIntLE(width - 1, 4, 3);
  header.writeUIntLE(height - 1, 7, 3);
  const parts = [chunk('VP8X', header), chunk('ANIM', Buffer.alloc(6)), ...frames.map(frameChunk)];
  return chunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...parts]));
}

function frameChunk({ picture, left, top, width, height, milliseconds }: AnimationFrame): Buffer {
  const header = Buffer.alloc(16);
  header.writeUIntLE(left / 2, 0, 3);
  header.writeUIntLE(top / 2, 3, 3);
  header.writeUIntLE(width - 1, 6, 3);
  header.writeUIntLE(height - 1, 9, 3);
  header.writeUIntLE(milliseconds, 12, 3);
  header.writeUInt8(DO_NOT_BLEND, 15);
  return chunk('ANMF', Buffer.concat([header, ...pictureChunks(picture)]));
}

function pictureChunks(picture: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 12; start < picture.length; ) {
    const name = picture.toString('latin1', start, start + 4);
    const size = picture.readUInt32LE(start + 4);
    if (FRAME_CHUNKS.has(name)) chunks.push(chunk(name, picture.subarray(start + 8, start + 8 + size)));
    start += 8 + size + (size % 2);
  }
  return chunks;
}

function chunk(name: string, content: Buffer): Buffer {
  const start = Buffer.alloc(8, name, 'latin1');
  start.writeUInt32LE(content.length, 4);
  return Buffer.concat([start, content, Buffer.alloc(content.length % 2)]);
}
