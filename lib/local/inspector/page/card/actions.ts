import type { CardAction } from '../../wire.ts';
import { asList, asObject, asText, type JsonObject } from './json.ts';
import { type Confirmation, type Field, plainText, safeUrl } from './rendering.ts';

// What the platform sends when a person uses a control of a card.
// https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-callback-communication

/** Whether a click on the element sends a callback. Buttons of JSON 1.0 always do unless they open a link. */
export function sendsCallback(element: JsonObject): boolean {
  const behaviors = behaviorsOf(element);
  if (behaviors.length > 0) return behaviors.some(({ type }) => type === 'callback');
  return element.value !== undefined || linkOf(element) === undefined;
}

/** Returns the web page that the element opens. */
export function linkOf(element: JsonObject): string | undefined {
  const opens = behaviorsOf(element).find(({ type }) => type === 'open_url') ?? {};
  const { multi_url: multiUrl, url } = element;
  const { url: anyUrl, pc_url: computerUrl } = asObject(multiUrl);
  return [opens.pc_url, opens.default_url, url, computerUrl, anyUrl].map(safeUrl).find((link) => link !== undefined);
}

export function confirmationOf(element: JsonObject): Confirmation | undefined {
  if (element.confirm === undefined) return undefined;
  const { title, text } = asObject(element.confirm);
  return { title: plainText(title), text: plainText(text) };
}

/** The action of a control without its new value. */
export function actionOf(element: JsonObject): CardAction {
  const callback = behaviorsOf(element).find(({ type }) => type === 'callback');
  const value = callback?.value ?? element.value;
  const name = asText(element.name);
  return { tag: asText(element.tag), ...(name !== '' && { name }), ...(value !== undefined && { value }) };
}

/** The action of a control with the value that was entered outside a form. */
export function changeOf(element: JsonObject, data: FormData): CardAction {
  const value = readValue(element, data, 0);
  const action = actionOf(element);
  if (typeof value === 'boolean') return { ...action, checked: value };
  if (Array.isArray(value)) return { ...action, options: value };
  if (element.tag === 'input') return { ...action, inputValue: value };
  const timezone = isTime(element) && { timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  return { ...action, option: value, ...timezone };
}

/** The action of a form's submit button. */
export function submitOf(button: JsonObject, fields: readonly Field[], data: FormData): CardAction {
  const values = fields.map(({ name, element }, index) => [name, readValue(element, data, index)]);
  return { ...actionOf(button), formValue: Object.fromEntries(values) };
}

/** The name of a control in the page's form. The card's own names could hide the form's properties. */
export function fieldName(index: number): string {
  return `field-${index}`;
}

export function isMultiple(element: JsonObject): boolean {
  return asText(element.tag).startsWith('multi_select') || element.multi_select === true;
}

function readValue(element: JsonObject, data: FormData, index: number): string | string[] | boolean {
  const name = fieldName(index);
  if (element.tag === 'checker') return data.has(name);
  if (isMultiple(element)) return data.getAll(name).map(String);
  const value = String(data.get(name) ?? '');
  return isTime(element) && value !== '' ? `${value.replace('T', ' ')} ${offset(new Date())}` : value;
}

function isTime({ tag }: JsonObject): boolean {
  return tag === 'date_picker' || tag === 'picker_time' || tag === 'picker_datetime';
}

/** Returns the offset from UTC as `+0800`. */
function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const twoDigits = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${twoDigits(Math.trunc(minutes / 60))}${twoDigits(minutes % 60)}`;
}

function behaviorsOf({ behaviors }: JsonObject): JsonObject[] {
  return asList(behaviors).map(asObject);
}
