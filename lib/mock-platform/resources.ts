import { randomUUID } from 'node:crypto';
import { PlatformError } from './errors.ts';

/** An uploaded image or file. */
export interface Resource {
  name: string;
  content: Buffer;
}

/** Bounds memory: beyond this, the oldest files are forgotten. */
const MAXIMUM_BYTES = 256 * 1024 * 1024;

/** One grey pixel. */
const EXAMPLE_IMAGE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);

/** Images and files, by their key. */
export class Resources {
  readonly #resources = new Map<string, Resource>();
  #bytes = 0;

  /** @returns the key */
  add(kind: 'image' | 'file', resource: Resource): string {
    const key = kind === 'image' ? `img_v3_02ab_${randomUUID()}g` : `file_v3_00ab_${randomUUID()}g`;
    this.#set(key, resource);
    return key;
  }

  /** Adds an example, unless the key is known. The mock has not received the files of a sample event. */
  addExample(key: string): void {
    if (this.#resources.has(key)) return;
    const isImage = key.startsWith('img_');
    this.#set(
      key,
      isImage
        ? { name: 'example.png', content: EXAMPLE_IMAGE }
        : { name: 'example.txt', content: Buffer.from('Example') },
    );
  }

  find(key: string): Resource | undefined {
    return this.#resources.get(key);
  }

  /** @throws {PlatformError} if there is no such image or file */
  get(key: string): Resource {
    const resource = this.#resources.get(key);
    if (resource !== undefined) return resource;
    throw new PlatformError(234003, 'File not in msg.');
  }

  #set(key: string, resource: Resource): void {
    this.#resources.set(key, resource);
    this.#bytes += resource.content.length;
    for (const [oldest, { content }] of this.#resources) {
      if (this.#bytes <= MAXIMUM_BYTES) return;
      this.#resources.delete(oldest);
      this.#bytes -= content.length;
    }
  }
}
