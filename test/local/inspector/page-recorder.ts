import type { Page } from 'playwright-core';
import { type AnimationFrame, createAnimation } from './animated-webp.ts';

// Runs in a page. Encodes the part of a picture that differs from the previous one.
const ENCODER = `
let previous;
async function encode(base64, quality) {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + base64)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  let [left, top, right, bottom] = previous === undefined ? [0, 0, width, height] : [width, height, 0, 0];
  for (let index = 0; previous !== undefined && index < pixels.length; index += 1) {
    if (pixels[index] === previous[index]) continue;
    const x = index % width;
    const y = (index - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  previous = pixels;
  if (right === 0) return undefined;
  left -= left % 2;
  top -= top % 2;
  const part = new OffscreenCanvas(right - left, bottom - top);
  part.getContext('2d').drawImage(bitmap, -left, -top);
  const blob = await part.convertToBlob({ type: 'image/webp', quality });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return { left, top, width: part.width, height: part.height, picture: bytes.toBase64() };
}
`;

const LOSSLESS = 1;

type EncodedPart = Omit<AnimationFrame, 'picture' | 'milliseconds'> & { picture: string };

/** Encodes pictures of a page. */
export class PageRecorder {
  readonly #page: Page;
  readonly #encoder: Page;
  readonly #frames: AnimationFrame[] = [];

  private constructor(page: Page, encoder: Page) {
    this.#page = page;
    this.#encoder = encoder;
  }

  static async start(page: Page): Promise<PageRecorder> {
    const encoder = await page.context().newPage();
    await encoder.evaluate(ENCODER);
    await page.bringToFront();
    return new PageRecorder(page, encoder);
  }

  /**
   * Adds what the page shows. If nothing has changed, the last frame is shown longer.
   *
   * @param quality from 0 to 1; 1 encodes without loss
   */
  async add(milliseconds: number, quality = LOSSLESS): Promise<void> {
    const image = await this.#page.screenshot({ caret: 'initial', animations: 'disabled' });
    const part = (await this.#encoder.evaluate(`encode('${image.toString('base64')}', ${quality})`)) as
      | EncodedPart
      | undefined;
    const last = this.#frames.at(-1);
    if (part !== undefined) {
      this.#frames.push({ ...part, picture: Buffer.from(part.picture, 'base64'), milliseconds });
    } else if (last !== undefined) {
      last.milliseconds += milliseconds;
    }
  }

  get frameCount(): number {
    return this.#frames.length;
  }

  /** Returns the first frame. */
  still(): Buffer {
    const [first] = this.#frames;
    if (first === undefined) throw new Error('Add a frame first.');
    return first.picture;
  }

  /** Returns all frames as an animated WebP picture. */
  animation(): Buffer {
    const [first] = this.#frames;
    if (first === undefined) throw new Error('Add a frame first.');
    return createAnimation(first.width, first.height, this.#frames);
  }

  /** Returns the number of frames that Chromium decodes. */
  async countDecodedFrames(url: string, picture: Buffer): Promise<number> {
    // The decoder exists only in secure contexts.
    await this.#encoder.goto(url);
    return (await this.#encoder.evaluate(`(async () => {
      const data = Uint8Array.fromBase64('${picture.toString('base64')}');
      const decoder = new ImageDecoder({ data, type: 'image/webp' });
      await decoder.tracks.ready;
      await decoder.completed;
      const { frameCount } = decoder.tracks.selectedTrack;
      for (let frameIndex = 0; frameIndex < frameCount; frameIndex += 1) await decoder.decode({ frameIndex });
      return frameCount;
    })()`)) as number;
  }
}
