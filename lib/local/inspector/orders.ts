import { isObject, type JsonObject } from '../../feishu/envelope.ts';
import type { RedriveOrder, SendOrder } from './wire.ts';

/** The request cannot be carried out; the message says why. */
export class BadRequest extends Error {}

/** Of types, variants and ids of messages. */
const MAXIMUM_NAME_CHARACTERS = 256;

/**
 * Reads the body of a request to send an event.
 *
 * @throws {BadRequest} when it is not such an order
 * @throws {SyntaxError} when it is not valid JSON
 */
export function readSendOrder(body: Buffer): SendOrder {
  const order = readObject(body);
  if (order.kind === 'sample') {
    const variant = readOptionalName(order, 'variant');
    return { kind: 'sample', type: readName(order, 'type'), ...(variant !== undefined && { variant }) };
  }
  if (order.kind === 'again') return { kind: 'again', messageId: readName(order, 'messageId') };
  if (order.kind !== 'text') throw new BadRequest('"kind" must be "sample", "again" or "text".');
  if (typeof order.text !== 'string') throw new BadRequest('"text" must be a string.');
  const from = readOptionalName(order, 'from');
  return { kind: 'text', text: order.text, ...(from !== undefined && { from }) };
}

/**
 * Reads the body of a request to redrive dead letters.
 *
 * @throws {BadRequest} when it is not such an order
 * @throws {SyntaxError} when it is not valid JSON
 */
export function readRedriveOrder(body: Buffer): RedriveOrder {
  const messageId = readOptionalName(readObject(body), 'messageId');
  return messageId === undefined ? {} : { messageId };
}

/**
 * Checks a name that comes from a request.
 *
 * @param what the name of the field or parameter
 * @throws {BadRequest} when it is too long
 */
export function requireShort(what: string, name: string): string {
  if (name.length <= MAXIMUM_NAME_CHARACTERS) return name;
  throw new BadRequest(`"${what}" must not be longer than ${MAXIMUM_NAME_CHARACTERS} characters.`);
}

function readObject(body: Buffer): JsonObject {
  const order: unknown = JSON.parse(body.toString('utf8'));
  if (isObject(order)) return order;
  throw new BadRequest('The body must be a JSON object.');
}

function readName(order: JsonObject, field: string): string {
  const name = order[field];
  if (typeof name !== 'string') throw new BadRequest(`"${field}" must be a string.`);
  return requireShort(field, name);
}

function readOptionalName(order: JsonObject, field: string): string | undefined {
  return order[field] === undefined ? undefined : readName(order, field);
}
