import protobuf from 'protobufjs';

/** The schema of the official SDKs, read by a protobuf library independent of `lib/`, so that a bug there shows. */
const SCHEMA = `
  syntax = "proto2";
  message Header { required string key = 1; required string value = 2; }
  message Frame {
    required uint64 SeqID = 1;
    required uint64 LogID = 2;
    required int32 service = 3;
    required int32 method = 4;
    repeated Header headers = 5;
    optional string payloadEncoding = 6;
    optional string payloadType = 7;
    optional bytes payload = 8;
    optional string LogIDNew = 9;
  }`;

// Set up at once: the official SDK turns off 64-bit integers in protobufjs when it loads, and setting up would then fail.
const frameType = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Frame').setup();

/** A decoded frame; 64-bit integers are decimal strings. */
export interface WireFrame {
  SeqID: string;
  LogID: string;
  service: number;
  method: number;
  headers: { key: string; value: string }[];
  payloadEncoding?: string;
  payloadType?: string;
  payload?: Uint8Array;
  LogIDNew?: string;
}

export function encodeWireFrame(frame: WireFrame): Buffer {
  return Buffer.from(frameType.encode(frameType.fromObject(frame)).finish());
}

export function decodeWireFrame(bytes: Uint8Array): WireFrame {
  return frameType.toObject(frameType.decode(bytes), { longs: String, arrays: true }) as WireFrame;
}

export function wireHeader(frame: WireFrame, key: string): string | undefined {
  return frame.headers.find((header) => header.key === key)?.value;
}
