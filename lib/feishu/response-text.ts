/** A response exceeds its size limit. The message names the limit and contains nothing of the body. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError';

  constructor(maximumBytes: number) {
    super(`the response is larger than ${maximumBytes} bytes`);
  }
}

/**
 * Reads the body of a response as UTF-8 text.
 *
 * @param body the chunks of the body
 * @throws {ResponseTooLargeError} if the body is larger; the rest is not read and the connection is closed
 * @throws the stream's errors, for example if the request's signal aborts
 */
export async function readResponseText(body: AsyncIterable<Uint8Array>, maximumBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw new ResponseTooLargeError(maximumBytes);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
