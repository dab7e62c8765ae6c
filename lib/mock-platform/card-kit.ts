import { isObject } from '../feishu/envelope.ts';

/** A response of the platform. */
export interface CardKitResponse {
  status: number;
  body: object;
}

/** What a card shows. */
export interface CardState {
  json: object;
  isStreaming: boolean;
  /** Of the last operation; 0 before the first. */
  sequence: number;
  summary: string | undefined;
}

interface Card {
  json: CardJson;
  createdAt: number;
  /** When streaming was last enabled, in milliseconds since the epoch. `undefined` if it is off. */
  streamingSince: number | undefined;
  sequence: number;
  uuids: Set<string>;
  /** The times of the operations of the last second. */
  operations: number[];
  isSent: boolean;
}

interface CardJson {
  config?: { streaming_mode?: boolean; update_multi?: boolean; summary?: { content?: string } };
  body?: { elements?: Element[] };
}

type Element = Record<string, unknown>;
type Fields = Record<string, unknown>;

/** The codes that the platform rejects an operation with. */
const MESSAGES = {
  10002: 'Your request contains an invalid request parameter',
  200220: 'Failed to generate card content',
  200740: 'The card entity does not exist',
  200750: 'The card entity has expired',
  200770: 'UUID conflict',
  200850: 'Card streaming timeout',
  200860: 'Card content exceeds limit',
  200861: 'The element is not supported by JSON 2.0',
  230020: 'The operation triggers the frequency limit',
  230099: 'Failed to create card content',
  300301: 'Duplicate element_id in card component',
  300302: 'update_multi property is false',
  300305: 'element exceeds the limit',
  300309: 'Card streaming closed',
  300310: 'Only update text',
  300313: 'not find elementID',
  300317: 'sequence number compare failed',
} as const;

/** An operation that the platform rejects. */
class Rejection extends Error {
  readonly code: keyof typeof MESSAGES;

  constructor(code: keyof typeof MESSAGES) {
    super(MESSAGES[code]);
    this.code = code;
  }
}

const CARDS = /^\/open-apis\/cardkit\/v1\/cards(?:\/([^/]+)(?:\/(settings|elements)(?:\/([^/]+)(?:\/(content))?)?)?)?$/;

const STREAMING_MILLISECONDS = 10 * 60 * 1000;
const VALID_MILLISECONDS = 14 * 24 * 60 * 60 * 1000;
const OPERATIONS_PER_SECOND = 10;
const MAXIMUM_CARD_BYTES = 30 * 1024;
const MAXIMUM_ELEMENTS = 200;
const MAXIMUM_SEQUENCE = 2 ** 31 - 1;
/** The first id, of the platform's length. */
const FIRST_ID = 7_355_372_766_134_157_313n;

/**
 * The platform's rules for card entities and streaming, without HTTP. It does not mock `batch_update` and `id_convert`.
 *
 * @see https://open.feishu.cn/document/cardkit-v1/streaming-updates-openapi-overview
 * @see https://open.feishu.cn/document/cardkit-v1/card-element/content
 */
export class CardKit {
  readonly #now: () => number;
  readonly #cards = new Map<string, Card>();

  /** @param now the time in milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Responds to a request.
   *
   * @param path may contain a query
   * @param body the parsed JSON
   * @returns `undefined` if the path is not a CardKit path
   */
  handle(method: string, path: string, body: unknown): CardKitResponse | undefined {
    const match = CARDS.exec(path.split('?', 1)[0] as string);
    if (match === null) return undefined;
    const [, cardId, part, elementId, content] = match;
    const operation = [method, part, elementId && ':id', content].filter((word) => word !== undefined).join(' ');
    const fields = isObject(body) ? body : {};
    try {
      const data =
        cardId === undefined ? this.#create(method, fields) : this.#operate(cardId, operation, fields, elementId);
      return { status: 200, body: { code: 0, msg: 'success', data } };
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      return { status: 400, body: { code: error.code, msg: `ErrMsg: ${error.message}; ` } };
    }
  }

  card(cardId: string): CardState | undefined {
    const card = this.#cards.get(cardId);
    if (card === undefined) return undefined;
    const { json, sequence } = card;
    return { json, isStreaming: this.#isStreaming(card), sequence, summary: json.config?.summary?.content };
  }

  /**
   * Sends a card in a message, which is possible once.
   *
   * @returns the rejection, or `undefined` if the card is sent
   */
  send(cardId: string): CardKitResponse | undefined {
    const card = this.#cards.get(cardId);
    const isValid = card !== undefined && !card.isSent && !this.#isExpired(card);
    if (!isValid) return { status: 400, body: { code: 230099, msg: MESSAGES[230099] } };
    card.isSent = true;
    return undefined;
  }

  #create(method: string, fields: Fields): object {
    if (method !== 'POST' || fields.type !== 'card_json') throw new Rejection(10002);
    const json = readCard(fields.data);
    const cardId = `${FIRST_ID + BigInt(this.#cards.size)}`;
    const now = this.#now();
    this.#cards.set(cardId, {
      json,
      createdAt: now,
      streamingSince: json.config?.streaming_mode ? now : undefined,
      sequence: 0,
      uuids: new Set(),
      operations: [],
      isSent: false,
    });
    return { card_id: cardId };
  }

  #operate(cardId: string, operation: string, fields: Fields, elementId = ''): object {
    const card = this.#cards.get(cardId);
    if (card === undefined) throw new Rejection(200740);
    if (this.#isExpired(card)) throw new Rejection(200750);
    const now = this.#now();
    card.operations = card.operations.filter((time) => time > now - 1000);
    if (card.operations.length >= OPERATIONS_PER_SECOND) throw new Rejection(230020);
    card.operations.push(now);
    const { sequence, uuid } = fields;
    if (!Number.isInteger(sequence) || Number(sequence) < 0 || Number(sequence) > MAXIMUM_SEQUENCE)
      throw new Rejection(10002);
    if (typeof uuid === 'string' && card.uuids.has(uuid)) throw new Rejection(200770);
    if (Number(sequence) <= card.sequence) throw new Rejection(300317);
    // On a copy, so that a rejected operation changes nothing.
    const json = structuredClone(card.json);
    const changed = this.#apply(card, json, operation, fields, elementId);
    checkCard(changed);
    const isEnabled = changed.config?.streaming_mode === true;
    const changesMode = operation === 'PATCH settings' || operation === 'PUT';
    if (changesMode) card.streamingSince = isEnabled ? now : undefined;
    card.json = changed;
    card.sequence = Number(sequence);
    if (typeof uuid === 'string') card.uuids.add(uuid);
    return {};
  }

  #apply(card: Card, json: CardJson, operation: string, fields: Fields, elementId: string): CardJson {
    const elements = elementsOf(json);
    const index = elements.findIndex((element) => element.element_id === elementId);
    const element = elements[index];
    switch (operation) {
      case 'PUT':
        return readCard(isObject(fields.card) ? fields.card.data : undefined);
      case 'PATCH settings': {
        const { config } = parse(fields.settings);
        if (!isObject(config)) throw new Rejection(10002);
        return { ...json, config: { ...json.config, ...config } };
      }
      case 'POST elements':
        return withElements(json, insertElements(elements, fields));
      case 'PUT elements :id content':
        this.#checkStreaming(card);
        if (element === undefined) throw new Rejection(300313);
        if (element.tag !== 'markdown' && element.tag !== 'plain_text') throw new Rejection(300310);
        if (typeof fields.content !== 'string' || fields.content === '') throw new Rejection(10002);
        return withElements(json, elements.with(index, { ...element, content: fields.content }));
      case 'PUT elements :id':
        if (element === undefined) throw new Rejection(300313);
        return withElements(json, elements.with(index, parse(fields.element)));
      case 'PATCH elements :id':
        if (element === undefined) throw new Rejection(300313);
        return withElements(json, elements.with(index, { ...element, ...parse(fields.partial_element) }));
      case 'DELETE elements :id':
        if (element === undefined) throw new Rejection(300313);
        return withElements(json, elements.toSpliced(index, 1));
      default:
        throw new Rejection(10002);
    }
  }

  /** The first operation after the time is up is rejected with another code than the following ones. */
  #checkStreaming(card: Card): void {
    if (this.#isStreaming(card)) return;
    const isTimeout = card.streamingSince !== undefined;
    card.streamingSince = undefined;
    throw new Rejection(isTimeout ? 200850 : 300309);
  }

  #isStreaming({ streamingSince }: Card): boolean {
    return streamingSince !== undefined && this.#now() < streamingSince + STREAMING_MILLISECONDS;
  }

  #isExpired({ createdAt }: Card): boolean {
    return this.#now() >= createdAt + VALID_MILLISECONDS;
  }
}

function readCard(text: unknown): CardJson {
  const json = parse(text);
  if (json.schema !== '2.0') throw new Rejection(200220);
  checkCard(json);
  return json;
}

function checkCard(json: CardJson): void {
  if (json.config?.streaming_mode && json.config.update_multi === false) throw new Rejection(300302);
  const elements = allElements(json.body);
  if (elements.some(({ tag }) => tag === 'note' || tag === 'action')) throw new Rejection(200861);
  const ids = elements.map((element) => element.element_id).filter((id) => id !== undefined);
  if (new Set(ids).size < ids.length) throw new Rejection(300301);
  if (elements.length > MAXIMUM_ELEMENTS) throw new Rejection(300305);
  if (Buffer.byteLength(JSON.stringify(json)) > MAXIMUM_CARD_BYTES) throw new Rejection(200860);
}

/** Returns the elements of a card, including nested ones. */
function allElements(value: unknown): Element[] {
  if (Array.isArray(value)) return value.flatMap(allElements);
  if (!isObject(value)) return [];
  const nested = Object.values(value).flatMap(allElements);
  return typeof value.tag === 'string' ? [value, ...nested] : nested;
}

function insertElements(elements: Element[], { type, target_element_id: target, elements: text }: Fields): Element[] {
  const inserted = parseList(text);
  if (type === 'append' && target === undefined) return [...elements, ...inserted];
  const index = elements.findIndex((element) => element.element_id === target);
  if (index === -1) throw new Rejection(300313);
  if (type === 'insert_before') return elements.toSpliced(index, 0, ...inserted);
  if (type === 'insert_after') return elements.toSpliced(index + 1, 0, ...inserted);
  throw new Rejection(10002);
}

function elementsOf({ body }: CardJson): Element[] {
  return body?.elements ?? [];
}

function withElements(json: CardJson, elements: Element[]): CardJson {
  return { ...json, body: { ...json.body, elements } };
}

function parse(text: unknown): Fields {
  const value = parseJson(text);
  if (!isObject(value)) throw new Rejection(10002);
  return value;
}

function parseList(text: unknown): Element[] {
  const value = parseJson(text);
  if (!Array.isArray(value)) throw new Rejection(10002);
  return value;
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    throw new Rejection(10002);
  }
}
