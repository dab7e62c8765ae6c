import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lexer, type Token, type Tokens, walkTokens } from 'marked';
import { PROJECT_ROOT } from '../support/project.ts';

/** A parsed Markdown file of the project. */
export interface Document {
  /** Path relative to the project. */
  name: string;
  headings: Tokens.Heading[];
  codeBlocks: Tokens.Code[];
  /** Inline code. */
  codeSpans: string[];
  /** Targets of links and images, also in HTML. */
  links: string[];
  tables: Tokens.Table[];
}

/** Reads every Markdown document of the project, in both languages. */
export function readDocuments(): Document[] {
  return globSync('{.,docs,docs/zh-CN,examples/*}/*.md', { cwd: PROJECT_ROOT }).toSorted().map(readDocument);
}

/** Returns the English names of the documents that exist in both languages. */
export function translatedNames(): string[] {
  return globSync(['README.md', 'docs/*.md', 'examples/*/README.md'], { cwd: PROJECT_ROOT }).toSorted();
}

/** @param name name of the English document, for example `docs/handlers.md` */
export function chineseNameOf(name: string): string {
  return name.replace(/README\.md$/, 'README.zh-CN.md').replace(/^docs\//, 'docs/zh-CN/');
}

export function readDocument(name: string): Document {
  const tokens: Token[] = [];
  walkTokens(lexer(readFileSync(path.join(PROJECT_ROOT, name), 'utf8')), (token) => {
    tokens.push(token);
  });
  const ofType = <Kind extends Token>(type: string) => tokens.filter((token) => token.type === type) as Kind[];
  const links = [...ofType<Tokens.Link>('link'), ...ofType<Tokens.Image>('image')];
  const html = ofType<Tokens.HTML>('html').flatMap(({ text }) => [
    ...text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g),
  ]);
  return {
    name,
    headings: ofType('heading'),
    codeBlocks: ofType('code'),
    codeSpans: ofType<Tokens.Codespan>('codespan').map(({ text }) => text),
    links: [...links.map(({ href }) => href), ...html.map(([, target]) => target as string)],
    tables: ofType('table'),
  };
}

/** Returns the anchors of a document's headings, as code hosts generate them. */
export function anchorsOf({ headings }: Document): string[] {
  const anchors = headings.map(({ text }) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return anchors.map((anchor, index) => {
    const earlier = anchors.slice(0, index).filter((other) => other === anchor).length;
    return earlier === 0 ? anchor : `${anchor}-${earlier}`;
  });
}

/** Returns the commands that a document tells its reader to run, without duplicates. */
export function commandsOf({ codeBlocks, codeSpans }: Document): string[] {
  const lines = codeBlocks.filter(({ lang }) => !lang).flatMap(({ text }) => text.split('\n'));
  const commands = [...lines, ...codeSpans]
    .filter((text) => /^((npm|npx|pnpm|node|aws|git|bash) |\.ci\/run$)/.test(text))
    .flatMap((text) => text.replace(/\s+# .*$/, '').split(' && '));
  return [...new Set(commands.map((command) => command.trim()))];
}
