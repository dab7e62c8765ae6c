import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LongConnectionError } from './errors.ts';

/**
 * A message of the long connection, proto2. The ids are 64 bits and come back to the platform exactly.
 *
 * The platform documents no schema; this is the one of its official SDKs (`pbbp2.Frame`).
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

/** A known frame has about 8. Without a limit, two bytes of an empty header would cost an object each. */
const MAXIMUM_HEADERS = 128;

/** Field number and wire type, as protobuf writes them before each value. */
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
 * Decodes a frame. Unknown fields are skipped.
 *
 * @param bytes one WebSocket message; the frame's payload is a view of it
 * @throws {LongConnectionError} `FEISHU_FRAME_INVALID` when it is no such protobuf or lacks a required field
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  try {
    return readFrame(new BinaryReader(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LongConnectionError('FEISHU_FRAME_INVALID', `${bytes.length} bytes are no frame: ${reason}`, { cause });
  }
}

/** The value of a frame's header, `undefined` when it has none of that name. */
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
