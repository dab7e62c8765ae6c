import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LongConnectionError } from './errors.ts';

/**
 * A message of the long connection, encoded as proto2. The 64-bit ids are returned to the platform exactly.
 *
 * The platform documents no schema; this one comes from its official SDKs (`pbbp2.Frame`).
 */
export interface Frame {
  sequenceId: bigint;
  logId: bigint;
  service: number;
  method: number;
  headers: readonly Header[];
  payloadEncoding?: string;
  payloadType?: string;
  payload?: Uint8Array;
  newLogId?: string;
}

interface Header {
  key: string;
  value: string;
}

export const CONTROL_METHOD = 0;
export const DATA_METHOD = 1;

/** Known frames have about 8 headers. Without a limit, each two-byte empty header would allocate an object. */
const MAXIMUM_HEADERS = 128;

/** The field number and wire type that precede each value in protobuf. */
const TAG = {
  sequenceId: (1 << 3) | WireType.Varint,
  logId: (2 << 3) | WireType.Varint,
  service: (3 << 3) | WireType.Varint,
  method: (4 << 3) | WireType.Varint,
  header: (5 << 3) | WireType.LengthDelimited,
  payloadEncoding: (6 << 3) | WireType.LengthDelimited,
  payloadType: (7 << 3) | WireType.LengthDelimited,
  payload: (8 << 3) | WireType.LengthDelimited,
  newLogId: (9 << 3) | WireType.LengthDelimited,
  headerKey: (1 << 3) | WireType.LengthDelimited,
  headerValue: (2 << 3) | WireType.LengthDelimited,
} as const;

/** Encodes a frame: the counterpart of {@link decodeFrame}. */
export function encodeFrame(frame: Frame): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32(TAG.sequenceId).uint64(frame.sequenceId);
  writer.uint32(TAG.logId).uint64(frame.logId);
  writer.uint32(TAG.service).int32(frame.service);
  writer.uint32(TAG.method).int32(frame.method);
  for (const { key, value } of frame.headers) {
    writer.uint32(TAG.header).fork();
    writer.uint32(TAG.headerKey).string(key).uint32(TAG.headerValue).string(value);
    writer.join();
  }
  if (frame.payloadEncoding !== undefined) writer.uint32(TAG.payloadEncoding).string(frame.payloadEncoding);
  if (frame.payloadType !== undefined) writer.uint32(TAG.payloadType).string(frame.payloadType);
  if (frame.payload !== undefined) writer.uint32(TAG.payload).bytes(frame.payload);
  if (frame.newLogId !== undefined) writer.uint32(TAG.newLogId).string(frame.newLogId);
  return writer.finish();
}

/**
 * Decodes a frame. Skips unknown fields.
 *
 * @param bytes one WebSocket message; the frame's payload is a view of it
 * @throws {LongConnectionError} `FEISHU_FRAME_INVALID` if the bytes are not a frame or a required field is missing
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  try {
    return readFrame(new BinaryReader(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LongConnectionError('FEISHU_FRAME_INVALID', `${bytes.length} bytes are not a valid frame: ${reason}`, {
      cause,
    });
  }
}

/** @returns the value of a frame's header, or `undefined` if there is none with this key */
export function headerOf(frame: Frame, key: string): string | undefined {
  return frame.headers.find((header) => header.key === key)?.value;
}

function readFrame(reader: BinaryReader): Frame {
  const frame: Partial<Frame> = {};
  const headers: Header[] = [];
  while (reader.pos < reader.len) {
    const [fieldNumber, wireType] = reader.tag();
    switch ((fieldNumber << 3) | wireType) {
      case TAG.sequenceId:
        frame.sequenceId = BigInt(reader.uint64());
        break;
      case TAG.logId:
        frame.logId = BigInt(reader.uint64());
        break;
      case TAG.service:
        frame.service = reader.int32();
        break;
      case TAG.method:
        frame.method = reader.int32();
        break;
      case TAG.header:
        if (headers.length === MAXIMUM_HEADERS) throw new RangeError(`more than ${MAXIMUM_HEADERS} headers`);
        headers.push(readHeader(new BinaryReader(reader.bytes())));
        break;
      case TAG.payloadEncoding:
        frame.payloadEncoding = reader.string();
        break;
      case TAG.payloadType:
        frame.payloadType = reader.string();
        break;
      case TAG.payload:
        frame.payload = reader.bytes();
        break;
      case TAG.newLogId:
        frame.newLogId = reader.string();
        break;
      default:
        reader.skip(wireType, fieldNumber);
    }
  }
  return { ...frame, ...requiredOf(frame), headers };
}

function requiredOf({ sequenceId, logId, service, method }: Partial<Frame>) {
  if (sequenceId === undefined) throw new TypeError('SeqID is missing');
  if (logId === undefined) throw new TypeError('LogID is missing');
  if (service === undefined) throw new TypeError('service is missing');
  if (method === undefined) throw new TypeError('method is missing');
  // Stryker disable next-line ObjectLiteral: the frame has these values already; returned, they have the right types
  return { sequenceId, logId, service, method };
}

function readHeader(reader: BinaryReader): Header {
  const header: Header = { key: '', value: '' };
  while (reader.pos < reader.len) {
    const [fieldNumber, wireType] = reader.tag();
    switch ((fieldNumber << 3) | wireType) {
      case TAG.headerKey:
        header.key = reader.string();
        break;
      case TAG.headerValue:
        header.value = reader.string();
        break;
      default:
        reader.skip(wireType, fieldNumber);
    }
  }
  return header;
}
