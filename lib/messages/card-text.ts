import { isObject } from '../feishu/envelope.ts';
import { image, inline, link, type Markup, placeholder, withNames } from './markup.ts';

/** Where a component contains text and other components, in the order in which the client shows them. */
const PARTS = [
  'header',
  'title',
  'subtitle',
  'text',
  'content',
  'label',
  'placeholder',
  'fields',
  'columns',
  'elements',
  'actions',
  'extra',
  'body',
] as const;

/** Components that a user clicks. Their text is shown in brackets. */
const BUTTONS: ReadonlySet<unknown> = new Set([
  'button',
  'overflow',
  'select_static',
  'select_person',
  'multi_select_static',
]);

/**
 * Writes the texts of a card, one line for each component. Supports what `im.message.receive_v1` contains, and cards of
 * JSON 1.0 and 2.0.
 *
 * @param content the parsed content of a message of type `interactive`
 * @see https://open.feishu.cn/document/feishu-cards/card-json-v2-structure
 */
export function cardText(content: Record<string, unknown>, markup: Markup): string {
  return linesOf(sourceOf(content), markup)
    .filter((line) => line.trim() !== '')
    .join('\n');
}

/** The API returns a card as JSON text if it is requested as the sender wrote it. */
function sourceOf(content: Record<string, unknown>): unknown {
  const text = content.json_card ?? content.user_dsl;
  if (typeof text !== 'string') return content;
  try {
    return JSON.parse(text);
  } catch {
    return content;
  }
}

function linesOf(part: unknown, markup: Markup): string[] {
  if (typeof part === 'string') return [withNames(part, markup)];
  if (Array.isArray(part))
    return isLine(part, markup)
      ? [part.map((each) => lineOf(each, markup)).join('')]
      : part.flatMap((each) => linesOf(each, markup));
  if (!isObject(part)) return [];
  const line = lineOf(part, markup);
  if (line !== undefined) return [line];
  if (part.tag === 'table') return tableLines(part, markup);
  const properties = isObject(part.property) ? { ...part, ...part.property } : part;
  return PARTS.flatMap((name) => linesOf(properties[name], markup));
}

/** Cards are delivered as a list of lines, each of which is a list of inline parts. */
function isLine(parts: readonly unknown[], markup: Markup): boolean {
  return parts.length > 0 && parts.every((part) => lineOf(part, markup) !== undefined);
}

function lineOf(part: unknown, markup: Markup): string | undefined {
  if (!isObject(part)) return undefined;
  if (BUTTONS.has(part.tag)) return placeholder(textOf(part.text ?? part.placeholder) || 'menu');
  switch (part.tag) {
    case 'plain_text':
    case 'lark_md':
    case 'markdown':
      return withNames(textOf(part), markup);
    case 'img':
      return image(part.img_key ?? part.image_key, markup);
    case 'a':
      return link(textOf(part.text), part.href, markup);
    case 'chart':
      return placeholder('chart');
    default:
      // In JSON, `text` of a component with elements is an object.
      return part.tag === 'text' && typeof part.text !== 'string' ? undefined : inline(part, markup);
  }
}

/** Returns a text that is given as such or as `{ tag, content }`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!isObject(value)) return '';
  const properties = isObject(value.property) ? value.property : value;
  return textOf(properties.content ?? properties.text);
}

function tableLines({ columns, rows }: Record<string, unknown>, markup: Markup): string[] {
  if (!Array.isArray(columns) || !Array.isArray(rows)) return [placeholder('table')];
  const names = columns.filter(isObject).map(({ name }) => String(name));
  const titles = columns.filter(isObject).map(({ display_name, name }) => String(display_name ?? name));
  const cells = rows.filter(isObject).map((row) => names.map((name) => cellText(row[name], markup)));
  const separator = markup.style === 'markdown' ? [titles.map(() => '---')] : [];
  return [titles, ...separator, ...cells].map((line) => `| ${line.join(' | ')} |`);
}

function cellText(value: unknown, markup: Markup): string {
  if (Array.isArray(value)) return value.map((each) => cellText(isObject(each) ? each.text : each, markup)).join(', ');
  return isObject(value) ? linesOf(value, markup).join(' ') : String(value ?? '');
}
