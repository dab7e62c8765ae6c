import { Marked, type Token, type Tokens } from 'marked';
import type { ComponentChild, ComponentChildren } from 'preact';
import { type CardContext, colorOf, nameOf } from './rendering.ts';
import { SafeLink } from './safe-link.tsx';

type Context = Pick<CardContext, 'people' | 'imageUrl'>;

/** Deeper Markdown is shown as text. */
const MAXIMUM_DEPTH = 12;
/** More markers could make the parser slow. A card of 30 KB has fewer. */
const MAXIMUM_MARKERS = 2000;
const MARKERS = /[>[*_`~<]|[-+] |\d[.)] /g;
/** These names have an underscore, which Markdown does not allow. */
const TAG_WITH_UNDERSCORE = /^<\/?(?:text_tag|number_tag|local_datetime)(?:\s[^<>]*)?>/;

/** Tags are read inline, where they may contain Markdown. Reference definitions would disappear. */
const parser = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    html: () => undefined,
    def: () => undefined,
    tag(source) {
      const [raw] = TAG_WITH_UNDERSCORE.exec(source) ?? [];
      return raw !== undefined && { type: 'html', raw, text: raw, inLink: false, inRawBlock: false, block: false };
    },
  },
});

/**
 * Renders the platform's Markdown: a subset of GitHub's, with tags such as `<font color='red'>` and `<at id=ou_…>`.
 * Other tags are shown as text.
 *
 * @see https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-components/content-components/rich-text
 */
export function renderMarkdown(text: string, context: Context): ComponentChild {
  return <div class="markdown">{renderBlocks(parse(text), context, 0)}</div>;
}

function parse(text: string): Token[] {
  const plain = [{ type: 'text', raw: text, text }];
  if ((text.match(MARKERS)?.length ?? 0) > MAXIMUM_MARKERS) return plain;
  try {
    return parser.lexer(text);
  } catch {
    // Markdown that is nested too deeply overflows the parser's stack.
    return plain;
  }
}

function renderBlocks(tokens: readonly Token[], context: Context, depth: number): ComponentChild[] {
  return tokens.map((token) => renderBlock(token, context, depth));
}

function renderBlock(token: Token, context: Context, depth: number): ComponentChild {
  if (depth > MAXIMUM_DEPTH) return token.raw;
  const inline = () => renderInline(childrenOf(token), context, depth + 1);
  switch (token.type) {
    case 'space':
      return null;
    case 'heading':
      // Not a heading of the page: the outline belongs to the page.
      return <p class={`heading heading-${token.depth}`}>{inline()}</p>;
    case 'paragraph':
      return <p>{inline()}</p>;
    case 'text':
      return childrenOf(token).length === 0 ? decodeEntities(token.text) : inline();
    case 'code':
      return <pre class="code">{token.text}</pre>;
    case 'blockquote':
      return <blockquote>{renderBlocks(childrenOf(token), context, depth + 1)}</blockquote>;
    case 'hr':
      return <hr />;
    case 'list':
      return renderList(token as Tokens.List, context, depth);
    case 'table':
      return renderTable(token as Tokens.Table, context, depth);
    default:
      return renderInline([token], context, depth + 1);
  }
}

function childrenOf(token: Token): readonly Token[] {
  return ('tokens' in token && token.tokens) || [];
}

function renderList({ ordered, start, items }: Tokens.List, context: Context, depth: number): ComponentChild {
  const children = items.map(({ task, checked, tokens }) => (
    <li>
      {task && (checked ? '☑ ' : '☐ ')}
      {renderBlocks(tokens, context, depth + 1)}
    </li>
  ));
  return ordered ? <ol start={Number(start) || 1}>{children}</ol> : <ul>{children}</ul>;
}

function renderTable({ header, rows }: Tokens.Table, context: Context, depth: number): ComponentChild {
  return (
    <table>
      <thead>
        <tr>
          {header.map((cell) => (
            <th scope="col">{renderInline(cell.tokens, context, depth + 1)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            {row.map((cell) => (
              <td>{renderInline(cell.tokens, context, depth + 1)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** An open tag and its content so far. */
interface OpenTag {
  tag?: Tag;
  nodes: ComponentChild[];
}

function renderInline(tokens: readonly Token[], context: Context, depth: number): ComponentChildren {
  if (depth > MAXIMUM_DEPTH) return tokens.map(({ raw }) => raw);
  const outermost: OpenTag = { nodes: [] };
  const open = [outermost];
  const current = () => open.at(-1) as OpenTag;
  const close = () => {
    const { tag, nodes } = open.pop() as Required<OpenTag>;
    current().nodes.push(renderTag(tag, nodes, context));
  };
  for (const token of tokens) {
    const tag = token.type === 'html' ? readTag(token.raw) : undefined;
    if (tag === undefined) current().nodes.push(renderSpan(token, context, depth));
    else if (EMPTY_TAGS.has(tag.name)) current().nodes.push(renderTag(tag, [], context));
    else if (!tag.isClosing && open.length < MAXIMUM_DEPTH) open.push({ tag, nodes: [] });
    else if (tag.isClosing && current().tag?.name === tag.name) close();
  }
  while (open.length > 1) close();
  return outermost.nodes;
}

function renderSpan(token: Token, context: Context, depth: number): ComponentChild {
  const inline = () => renderInline(childrenOf(token), context, depth + 1);
  switch (token.type) {
    case 'strong':
      return <strong>{inline()}</strong>;
    case 'em':
      return <em>{inline()}</em>;
    case 'del':
      return <del>{inline()}</del>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'link':
      return <SafeLink url={token.href}>{inline()}</SafeLink>;
    case 'image':
      return renderImage(token.href, token.text, context);
    case 'escape':
      return token.text;
    case 'text':
      return childrenOf(token).length === 0 ? decodeEntities(token.text) : inline();
    default:
      return token.raw;
  }
}

/** Pictures of other sites are shown as links: the page loads nothing from elsewhere. */
export function renderImage(key: string, alt: string, { imageUrl }: Pick<CardContext, 'imageUrl'>): ComponentChild {
  if (key.includes(':')) return <SafeLink url={key}>{alt || key}</SafeLink>;
  return <img src={imageUrl(key)} alt={alt} loading="lazy" />;
}

interface Tag {
  name: string;
  isClosing: boolean;
  attributes: ReadonlyMap<string, string>;
}

const EMPTY_TAGS: ReadonlySet<string> = new Set(['br', 'hr']);
const STYLED_TAGS: ReadonlySet<string> = new Set(['b', 'strong', 'i', 'em', 'u', 's', 'del']);
const PLATFORM_TAGS: ReadonlySet<string> = new Set([
  ...['font', 'text_tag', 'number_tag', 'at', 'person', 'a', 'link', 'local_datetime'],
]);

/** Returns `undefined` for tags that the platform does not have. */
function readTag(raw: string): Tag | undefined {
  const [, slash, name = ''] = /^<(\/?)([a-z][\w-]*)/i.exec(raw) ?? [];
  const tag = name.toLowerCase();
  if (!EMPTY_TAGS.has(tag) && !STYLED_TAGS.has(tag) && !PLATFORM_TAGS.has(tag)) return undefined;
  const attributes = new Map<string, string>();
  for (const [, key = '', double, single, bare] of raw.matchAll(
    /([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g,
  )) {
    attributes.set(key.toLowerCase(), double ?? single ?? bare ?? '');
  }
  return { name: tag, isClosing: slash === '/', attributes };
}

function renderTag({ name, attributes }: Tag, nodes: ComponentChild[], context: Context): ComponentChild {
  switch (name) {
    case 'br':
      return <br />;
    case 'hr':
      return <hr />;
    case 'b':
    case 'strong':
      return <strong>{nodes}</strong>;
    case 'i':
    case 'em':
      return <em>{nodes}</em>;
    case 's':
    case 'del':
      return <del>{nodes}</del>;
    case 'u':
      return <u>{nodes}</u>;
    case 'font':
      return (
        <span class="colored" data-color={colorOf(attributes.get('color'))}>
          {nodes}
        </span>
      );
    case 'text_tag':
    case 'number_tag':
      return (
        <span class="tag" data-color={colorOf(attributes.get('color')) ?? 'grey'}>
          {nodes}
        </span>
      );
    case 'at':
    case 'person': {
      const ids = attributes.get('ids') ?? attributes.get('id') ?? attributes.get('user_id') ?? attributes.get('email');
      return renderMentions((ids ?? '').split(','), nodes, context);
    }
    case 'a':
    case 'link':
      return (
        <SafeLink url={attributes.get('href') ?? attributes.get('url')}>
          {nodes.length > 0 ? nodes : (attributes.get('href') ?? attributes.get('url') ?? '')}
        </SafeLink>
      );
    default:
      return <>{nodes.length > 0 ? nodes : [...attributes.values()].join(' ')}</>;
  }
}

function renderMentions(ids: readonly string[], nodes: ComponentChild[], context: Context): ComponentChild {
  const names = ids.filter((id) => id !== '').map((id) => `@${id === 'all' ? 'all' : nameOf(id, context)}`);
  return <span class="mention">{names.length > 0 ? names.join(' ') : nodes}</span>;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

/** The platform's documentation recommends entities for characters that Markdown would interpret. */
function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,6})|#x([\da-f]{1,5})|([a-z]{2,5}));/gi, (entity, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? (ENTITIES[name] as string) : entity;
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal));
  });
}
