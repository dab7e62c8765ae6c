import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { chineseNameOf, commandsOf, type Document, readDocument, translatedNames } from './document.ts';

// Compares everything that must be the same in both languages.

/** Returns the code blocks without the comments on commands, which are translated. */
function codeOf({ codeBlocks }: Document): string[] {
  return codeBlocks.map(({ lang, text }) => (lang ? text : text.replaceAll(/\s+# .*$/gm, '')));
}

function structureOf(document: Document) {
  const { headings, tables, codeSpans } = document;
  return {
    headings: headings.map(({ depth }) => depth),
    code: codeOf(document),
    commands: commandsOf(document).toSorted(),
    tables: tables.map(({ rows }) =>
      rows.map((cells) => cells.map(({ text }) => text.match(/`[^`]+`/g)?.toSorted() ?? [])),
    ),
    names: [...new Set(codeSpans)].toSorted(),
  };
}

describe.each(translatedNames())('%s', (name) => {
  const chineseName = chineseNameOf(name);

  it(`has a Chinese version, ${chineseName}`, () => {
    expect(existsSync(path.join(PROJECT_ROOT, chineseName))).toBe(true);
  });

  it('has the same headings, code, commands, tables and names in both languages', () => {
    expect(structureOf(readDocument(chineseName))).toEqual(structureOf(readDocument(name)));
  });

  it('and its Chinese version link to each other', () => {
    const linkBetween = (from: string, to: string) => path.relative(path.dirname(from), to);
    expect(readDocument(name).links).toContain(linkBetween(name, chineseName));
    expect(readDocument(chineseName).links).toContain(linkBetween(chineseName, name));
  });
});

describe.each(globSync('docs/{.,images}/*.zh-CN.svg', { cwd: PROJECT_ROOT }))('%s', (chineseName) => {
  const read = (name: string) => readFileSync(path.join(PROJECT_ROOT, name), 'utf8');
  const shapesOf = (svg: string) => svg.match(/<(rect|path|line)\b[^>]*>/g);

  it('draws the same as the English diagram, with Chinese labels', () => {
    const chinese = read(chineseName);
    expect(shapesOf(chinese)).toEqual(shapesOf(read(chineseName.replace('.zh-CN', ''))));
    expect(chinese).toMatch(/<text[^>]*>[^<]*\p{Script=Han}/u);
  });
});

it.each(['README.md', 'README.zh-CN.md'])('%s is at most 200 lines long', (name) => {
  const text = readFileSync(path.join(PROJECT_ROOT, name), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});
