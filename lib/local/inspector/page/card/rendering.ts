import type { CardAction, Person } from '../../wire.ts';
import { messages } from '../messages.ts';
import { asObject, asText, type JsonObject } from './json.ts';

/** What a card needs from the conversation it is in. */
export interface CardContext {
  people: readonly Person[];
  /** Returns the URL of a picture of the message. */
  imageUrl: (key: string) => string;
  /** @param confirm to be confirmed first, if set */
  onAction: (action: CardAction, confirm?: Confirmation) => void;
}

export interface Confirmation {
  title: string;
  text: string;
}

/** A control of a form. */
export interface Field {
  /** The name in the callback's `form_value`. */
  name: string;
  /** The element of the card. */
  element: JsonObject;
}

export interface Rendering extends CardContext {
  depth: number;
  /** The number of elements that may still be rendered. */
  budget: { elements: number };
  /** The form that the elements belong to. Rendering adds its controls. */
  form?: { fields: Field[]; buttons: JsonObject[] };
}

/** The platform accepts 200 elements and five levels. */
export const MAXIMUM_ELEMENTS = 1000;
export const MAXIMUM_DEPTH = 12;

export const COLORS: ReadonlySet<string> = new Set([
  ...['blue', 'wathet', 'turquoise', 'green', 'lime', 'yellow', 'orange', 'red'],
  ...['carmine', 'violet', 'purple', 'indigo', 'grey'],
]);

/** Returns the color's name if it is one of the platform's colors, also for shades such as `blue-100`. */
export function colorOf(value: unknown): string | undefined {
  const [name = ''] = asText(value).split('-');
  return COLORS.has(name) ? name : undefined;
}

/**
 * Returns the address if it is one of a web page. Others, such as `javascript:`, could run code.
 */
export function safeUrl(value: unknown): string | undefined {
  const url = URL.parse(asText(value).trim());
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined;
}

/** Returns the name of a person, or the id if it is unknown. */
export function nameOf(id: string, { people }: Pick<CardContext, 'people'>): string {
  const person = people.find(({ openId, userId, unionId }) => [openId, userId, unionId].includes(id));
  return person?.name ?? id;
}

/** Returns the text of a `plain_text` or `lark_md` object, or of a string. */
export function plainText(value: unknown): string {
  const object = asObject(value);
  const translations = asObject(object.i18n_content ?? object.i18n);
  const translated = asText(translations[messages.card.locale]);
  return translated || asText(object.content) || asText(value);
}
