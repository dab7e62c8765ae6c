/** A response is larger than its reader accepts. The message says by which limit, and quotes nothing of the body. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError';

  constructor(maximumBytes: number) {
    super(`the response is larger than ${maximumBytes} bytes`);
  }
}

/**
 * Reads the body of a response as UTF-8 text.
 *
 * @param maximumBytes the limit, counted after decompression
 * @throws {ResponseTooLargeError} when the body is larger; the rest is not read and the connection is closed
 * @throws what the body's stream throws, for example when the request's signal aborts
 */
export async function readResponseText({ body }: Response, maximumBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw new ResponseTooLargeError(maximumBytes);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
