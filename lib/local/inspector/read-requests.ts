import { isObject, type JsonObject } from '../../feishu/envelope.ts';
import type { FixtureRequest, RedriveRequest, RetryRequest, RunRequest, SendRequest } from './wire.ts';

/** The request is invalid; the message is shown on the page. */
export class BadRequest extends Error {}

/** Applies to event types, variants and message ids. */
const MAXIMUM_NAME_CHARACTERS = 256;

/**
 * Parses a request to send an event.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readSendRequest(body: Buffer): SendRequest {
  const request = readObject(body);
  if (request.kind === 'sample') {
    const variant = readOptionalName(request, 'variant');
    return { kind: 'sample', type: readName(request, 'type'), ...(variant !== undefined && { variant }) };
  }
  if (request.kind === 'again') return { kind: 'again', messageId: readName(request, 'messageId') };
  if (request.kind !== 'text') throw new BadRequest('"kind" must be "sample", "again" or "text".');
  if (typeof request.text !== 'string') throw new BadRequest('"text" must be a string.');
  const from = readOptionalName(request, 'from');
  return { kind: 'text', text: request.text, ...(from !== undefined && { from }) };
}

/**
 * Parses a request to redrive dead letters.
 *
 * @throws {BadRequest} if a field is invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readRedriveRequest(body: Buffer): RedriveRequest {
  const messageId = readOptionalName(readObject(body), 'messageId');
  return messageId === undefined ? {} : { messageId };
}

/**
 * Parses a request to retry an event now.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readRetryRequest(body: Buffer): RetryRequest {
  return { messageId: readName(readObject(body), 'messageId') };
}

/**
 * Parses a request to save an event as a file for tests.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readFixtureRequest(body: Buffer): FixtureRequest {
  return { messageId: readName(readObject(body), 'messageId') };
}

/**
 * Parses a request to run a scheduled function.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readRunRequest(body: Buffer): RunRequest {
  const request = readObject(body);
  const { schedule } = request;
  if (!Number.isInteger(schedule)) throw new BadRequest('"schedule" must be an integer.');
  return { name: readName(request, 'name'), schedule: schedule as number };
}

/**
 * Checks the length of a name in a request.
 *
 * @param field the name of the field or parameter
 * @throws {BadRequest} if the name is too long
 */
export function requireShort(field: string, name: string): string {
  if (name.length <= MAXIMUM_NAME_CHARACTERS) return name;
  throw new BadRequest(`"${field}" must not be longer than ${MAXIMUM_NAME_CHARACTERS} characters.`);
}

/** @throws {BadRequest} if the body is not a JSON object */
export function readObject(body: Buffer): JsonObject {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (isObject(value)) return value;
  throw new BadRequest('The body must be a JSON object.');
}

/** @throws {BadRequest} if the field is missing or too long */
export function readName(request: JsonObject, field: string): string {
  const name = request[field];
  if (typeof name !== 'string') throw new BadRequest(`"${field}" must be a string.`);
  return requireShort(field, name);
}

/** @throws {BadRequest} if the field is not a string or too long */
export function readOptionalName(request: JsonObject, field: string): string | undefined {
  return request[field] === undefined ? undefined : readName(request, field);
}
