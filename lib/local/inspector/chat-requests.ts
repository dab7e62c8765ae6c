import { isObject, type JsonObject } from '../../feishu/envelope.ts';
import type { Failure } from '../../mock-platform/failures.ts';
import { BadRequest, readName, readObject, readOptionalName } from './read-requests.ts';
import type { ChatActionRequest, ChatMessageRequest } from './wire.ts';

/** The platform's limit for texts. */
const MAXIMUM_TEXT_CHARACTERS = 150 * 1024;
/** Of the value and the form of an action. */
const MAXIMUM_VALUE_CHARACTERS = 100_000;
const MESSAGE_TYPES = ['text', 'post', 'image', 'file'] as const;

/**
 * Parses a request to send a message as a person.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readMessageRequest(body: Buffer): ChatMessageRequest {
  const request = readObject(body);
  const messageType = MESSAGE_TYPES.find((type) => type === request.messageType);
  if (messageType === undefined) throw new BadRequest(`"messageType" must be one of ${MESSAGE_TYPES.join(', ')}.`);
  const parentId = readOptionalName(request, 'parentId');
  const needsFile = messageType === 'image' || messageType === 'file';
  return {
    chatId: readName(request, 'chatId'),
    personId: readName(request, 'personId'),
    messageType,
    mentionsBot: request.mentionsBot === true,
    ...(parentId !== undefined && { parentId }),
    ...(needsFile ? { file: readFile(request) } : { text: readText(request) }),
  };
}

/**
 * Parses a request to use a control of a card as a person.
 *
 * @throws {BadRequest} if a field is missing or invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readActionRequest(body: Buffer): ChatActionRequest {
  const request = readObject(body);
  if (body.length > MAXIMUM_VALUE_CHARACTERS) {
    throw new BadRequest(`An action must not be larger than ${MAXIMUM_VALUE_CHARACTERS} bytes.`);
  }
  const { value, formValue, options, checked } = request;
  if (formValue !== undefined && !isObject(formValue)) throw new BadRequest('"formValue" must be an object.');
  const isList = Array.isArray(options) && options.every((option) => typeof option === 'string');
  if (options !== undefined && !isList) throw new BadRequest('"options" must be a list of strings.');
  const texts = ['name', 'option', 'inputValue', 'timezone'].flatMap((field) => {
    const text = request[field];
    if (text !== undefined && typeof text !== 'string') throw new BadRequest(`"${field}" must be a string.`);
    return text === undefined ? [] : [[field, text]];
  });
  return {
    messageId: readName(request, 'messageId'),
    personId: readName(request, 'personId'),
    tag: readName(request, 'tag'),
    ...Object.fromEntries(texts),
    ...(value !== undefined && { value }),
    ...(formValue !== undefined && { formValue }),
    ...(isList && { options }),
    ...(checked !== undefined && { checked: checked === true }),
  };
}

/**
 * Parses a request to make API calls fail.
 *
 * @throws {BadRequest} if a field is invalid
 * @throws {SyntaxError} if the body is not valid JSON
 */
export function readFailure(body: Buffer): Failure {
  const request = readObject(body);
  const api = readOptionalName(request, 'api');
  const message = readOptionalName(request, 'message');
  return {
    ...(api !== undefined && { api }),
    ...(message !== undefined && { message }),
    ...readInteger(request, 'code', 1, 1e9),
    ...readInteger(request, 'status', 200, 599),
    ...readInteger(request, 'times', 1, 1000),
  };
}

function readInteger(request: JsonObject, field: 'code' | 'status' | 'times', minimum: number, maximum: number) {
  const value = request[field];
  if (value === undefined) return {};
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
    return { [field]: value };
  throw new BadRequest(`"${field}" must be an integer from ${minimum} to ${maximum}.`);
}

function readText(request: JsonObject): string {
  const { text } = request;
  if (typeof text !== 'string' || text.trim() === '') throw new BadRequest('"text" must not be empty.');
  if (text.length <= MAXIMUM_TEXT_CHARACTERS) return text;
  throw new BadRequest(`"text" must not be longer than ${MAXIMUM_TEXT_CHARACTERS} characters.`);
}

function readFile({ file }: JsonObject): { name: string; base64: string } {
  if (!isObject(file)) throw new BadRequest('"file" must be an object with "name" and "base64".');
  const name = readName(file, 'name');
  if (typeof file.base64 === 'string' && file.base64 !== '') return { name, base64: file.base64 };
  throw new BadRequest('"base64" must be the content of the file.');
}
