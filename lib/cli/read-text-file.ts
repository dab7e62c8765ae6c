import { createReadStream } from 'node:fs';

/**
 * Reads a text file up to a maximum size, which also ends the reading of a device such as `/dev/zero`.
 *
 * @throws the system's error, with its `code`, if the file cannot be read
 * @throws {RangeError} if the file is larger than `maximumBytes`; the message starts with the file's name
 */
export async function readTextFile(file: string, maximumBytes: number): Promise<string> {
  const chunks: Buffer[] = await createReadStream(file, { end: maximumBytes }).toArray();
  const bytes = Buffer.concat(chunks);
  if (bytes.length > maximumBytes) throw new RangeError(`${file} is larger than ${maximumBytes} bytes`);
  return bytes.toString('utf8');
}
