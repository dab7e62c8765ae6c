import { createReadStream } from 'node:fs';

/**
 * Reads a text file, of which the size is not known beforehand: a device has no end.
 *
 * @throws when it cannot be read, with the `code` of the system's error
 * @throws {RangeError} when it is larger than `maximumBytes`; the message starts with the file's name
 */
export async function readTextFile(file: string, maximumBytes: number): Promise<string> {
  const chunks: Buffer[] = await createReadStream(file, { end: maximumBytes }).toArray();
  const bytes = Buffer.concat(chunks);
  if (bytes.length > maximumBytes) throw new RangeError(`${file} is larger than ${maximumBytes} bytes`);
  return bytes.toString('utf8');
}
