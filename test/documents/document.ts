import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lexer, type Token, type Tokens, walkTokens } from 'marked';
import { PROJECT_ROOT } from '../support/project.ts';

/** A Markdown file of the project, taken apart. */
export interface Document {
  /** Its path in the project. */
  name: string;
  headings: Tokens.Heading[];
  codeBlocks: Tokens.Code[];
  /** What stands between backticks inside the text. */
  codeSpans: string[];
  links: string[];
  tables: Tokens.Table[];
}

/** Every Markdown file that the project has for its readers. */
export function readDocuments(): Document[] {
  return globSync('{.,docs}/*.md', { cwd: PROJECT_ROOT }).map(readDocument);
}

export function readDocument(name: string): Document {
  const tokens: Token[] = [];
  walkTokens(lexer(readFileSync(path.join(PROJECT_ROOT, name), 'utf8')), (token) => {
    tokens.push(token);
  });
  const ofType = <Kind extends Token>(type: string) => tokens.filter((token) => token.type === type) as Kind[];
  const links = [...ofType<Tokens.Link>('link'), ...ofType<Tokens.Image>('image')];
  return {
    name,
    headings: ofType('heading'),
    codeBlocks: ofType('code'),
    codeSpans: ofType<Tokens.Codespan>('codespan').map(({ text }) => text),
    links: links.map(({ href }) => href),
    tables: ofType('table'),
  };
}

/** A heading's anchor, as code hosts make it. */
export function anchorOf({ text }: Tokens.Heading): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The commands that a document tells its reader to run, as they are written, each once. */
export function commandsOf({ codeBlocks, codeSpans }: Document): string[] {
  const lines = codeBlocks.filter(({ lang }) => !lang).flatMap(({ text }) => text.split('\n'));
  const commands = [...lines, ...codeSpans]
    .filter((text) => /^(npm|npx|aws|git|bash|\.ci\/run)\b/.test(text))
    .flatMap((text) => text.replace(/\s+# .*$/, '').split(' && '));
  return [...new Set(commands.map((command) => command.trim()))];
}
