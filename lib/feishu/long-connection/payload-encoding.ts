import { gunzipSync } from 'node:zlib';
import { tryParseJsonObject } from '../envelope.ts';
import { LongConnectionError } from './errors.ts';

/** More than any event can have: a larger one does not fit into the queue. */
const MAXIMUM_BYTES = 16 * 1024 * 1024;

export const GZIP = 'gzip';

/**
 * Decodes an event's payload according to the frame's `payloadEncoding`. The platform documents no value, and its SDKs
 * ignore the field. So whatever it says, a payload that is plain JSON is taken as it is.
 *
 * @param payload joined from all fragments; each may be compressed by itself
 * @throws {LongConnectionError} `FEISHU_PAYLOAD_ENCODING_UNKNOWN`, or `FEISHU_FRAME_INVALID` if the payload is not valid
 *   gzip data or has more than 16 MiB when decompressed
 */
export function decodePayload(encoding: string | undefined, payload: Uint8Array): Uint8Array {
  if (encoding === undefined || encoding === '') return payload;
  if (encoding === GZIP) return decompress(payload);
  if (tryParseJsonObject(Buffer.from(payload).toString('utf8')) !== undefined) return payload;
  throw new LongConnectionError(
    'FEISHU_PAYLOAD_ENCODING_UNKNOWN',
    `Received an event with the unknown payload encoding "${encoding.slice(0, 64)}".`,
  );
}

function decompress(payload: Uint8Array): Uint8Array {
  try {
    return gunzipSync(payload, { maxOutputLength: MAXIMUM_BYTES });
  } catch (cause) {
    const reason = cause instanceof RangeError ? `it has more than ${MAXIMUM_BYTES} bytes` : 'it is damaged';
    throw new LongConnectionError('FEISHU_FRAME_INVALID', `A gzip payload cannot be decompressed: ${reason}.`, {
      cause,
    });
  }
}
