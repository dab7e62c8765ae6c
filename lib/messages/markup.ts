import { isObject } from '../feishu/envelope.ts';

/** How content is written: as plain text, or as Markdown. */
export type Style = 'text' | 'markdown';

/** Returns the name of a mentioned user, or `undefined` if the message does not contain it. */
export type NameOf = (key: string) => string | undefined;

/** How the inline parts of a message are written. */
export interface Markup {
  readonly style: Style;
  readonly nameOf: NameOf;
}

/** The placeholders of mentions in text: `@_user_1`, and `@_all`. They end at the last digit: `@_user_10` is another. */
const PLACEHOLDER = /@_user_\d+|@_all/g;

/** What `un_escape` of a text in a post means: the text contains HTML entities. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&nbsp;': ' ',
};

/** Replaces placeholders of mentions with `@` and the name. One without a name stays as it is. */
export function withNames(text: string, { nameOf }: Pick<Markup, 'nameOf'>): string {
  return text.replace(PLACEHOLDER, (key) => {
    const name = nameOf(key);
    return name === undefined ? key : `@${name}`;
  });
}

/** Writes what is not text: `[image]`, `[file: report.pdf]`. */
export function placeholder(name: string, ...details: unknown[]): string {
  const known = details.filter((detail) => detail !== undefined && detail !== '').map(String);
  return known.length === 0 ? `[${name}]` : `[${name}: ${known.join(', ')}]`;
}

export function image(key: unknown, { style }: Markup): string {
  return style === 'markdown' && typeof key === 'string' ? `![image](${key})` : placeholder('image');
}

export function link(text: string, href: unknown, { style }: Markup): string {
  if (typeof href !== 'string' || href === '') return text;
  if (style === 'markdown') return `[${text === '' ? href : text}](${href})`;
  return text === '' || text === href ? href : `${text} (${href})`;
}

export function codeBlock(code: string, language: unknown, { style }: Markup): string {
  if (style === 'text') return code;
  const name = typeof language === 'string' ? language.toLowerCase() : '';
  return `\`\`\`${name}\n${code.replace(/\n$/, '')}\n\`\`\``;
}

/**
 * Writes one inline part of a post or of a card that the platform delivers.
 *
 * @param part for example `{ tag: 'text', text: 'Hello', style: ['bold'] }`
 * @returns `undefined` if the part is not an inline part
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
 */
export function inline(part: unknown, markup: Markup): string | undefined {
  if (!isObject(part)) return undefined;
  switch (part.tag) {
    case 'text':
      return emphasized(withNames(unescaped(part), markup), part.style, markup);
    case 'md':
      return withNames(String(part.text ?? ''), markup);
    case 'a':
      return link(String(part.text ?? ''), part.href, markup);
    case 'at':
      return mention(part, markup);
    case 'img':
      return image(part.image_key ?? part.img_key, markup);
    case 'media':
      return placeholder('video');
    case 'file':
      return placeholder('file', part.file_name);
    case 'emotion':
      return placeholder(String(part.emoji_type ?? 'emoji'));
    case 'code_block':
      return codeBlock(String(part.text ?? ''), part.language, markup);
    case 'hr':
      return '---';
    default:
      return undefined;
  }
}

function unescaped({ text, un_escape }: Record<string, unknown>): string {
  const written = String(text ?? '');
  return un_escape === true
    ? written.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => ENTITIES[entity] ?? entity)
    : written;
}

function mention({ user_id: id, user_name: name }: Record<string, unknown>, { nameOf }: Markup): string {
  const key = typeof id === 'string' ? id : '';
  const known = nameOf(key === 'all' ? '@_all' : key) ?? (typeof name === 'string' && name !== '' ? name : undefined);
  return `@${known ?? key.replace(/^@/, '')}`;
}

const MARKS: readonly (readonly [style: string, mark: string])[] = [
  ['codeInline', '`'],
  ['italic', '*'],
  ['bold', '**'],
  ['lineThrough', '~~'],
];

function emphasized(text: string, styles: unknown, { style }: Markup): string {
  if (style === 'text' || !Array.isArray(styles) || text.trim() === '') return text;
  // Marks beside spaces do not count as emphasis in Markdown.
  const [, before = '', words = '', after = ''] = /^(\s*)(.*?)(\s*)$/s.exec(text) ?? [];
  const marked = MARKS.filter(([name]) => styles.includes(name)).reduce(
    (inner, [, mark]) => mark + inner + mark,
    words,
  );
  return before + marked + after;
}
