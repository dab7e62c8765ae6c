/** An item of a DynamoDB table may have 400 KB. */
const MAXIMUM_BYTES = 256 * 1024;

/**
 * Writes a value of a handler as JSON that a DynamoDB table can store.
 *
 * @param name starts the error's message, for example `The state of Continue`
 * @throws {TypeError} if it is not a JSON value
 * @throws {RangeError} if it is larger than 256 KiB
 */
export function toStoredJson(value: unknown, name: string): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${name} cannot be stored as JSON: ${(cause as Error).message}`, { cause });
  }
  if (json === undefined) throw new TypeError(`${name} must be a JSON value, not ${typeof value}.`);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAXIMUM_BYTES) {
    throw new RangeError(
      `${name} has ${bytes} bytes, but at most ${MAXIMUM_BYTES} can be stored. ` +
        'Store the data elsewhere, such as in S3, and its key here.',
    );
  }
  return json;
}
