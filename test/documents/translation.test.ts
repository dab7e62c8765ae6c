import { describe, expect, it } from 'vitest';
import { commandsOf, readDocument } from './document.ts';

// A reader of either language finds the same. What can be compared without knowing the languages is compared.

const english = readDocument('README.md');
const chinese = readDocument('README.zh-CN.md');

describe('README.md and README.zh-CN.md', () => {
  it('have the same sections', () => {
    const depths = ({ headings }: typeof english) => headings.map(({ depth }) => depth);
    expect(depths(chinese)).toEqual(depths(english));
  });

  it('have the same code', () => {
    const code = ({ codeBlocks }: typeof english) =>
      codeBlocks.filter(({ lang }) => lang !== '' && lang !== undefined).map(({ text }) => text);
    expect(code(chinese)).toEqual(code(english));
  });

  it('tell the reader to run the same commands', () => {
    expect(commandsOf(chinese).toSorted()).toEqual(commandsOf(english).toSorted());
  });

  it('have the same tables, with the same names, figures and links in them', () => {
    const shapes = ({ tables }: typeof english) =>
      tables.map(({ rows }) => rows.map((cells) => cells.map(({ text }) => text.match(/`[^`]+`/g)?.toSorted() ?? [])));
    expect(shapes(chinese)).toEqual(shapes(english));
  });

  it('name the same options, variables, paths and codes', () => {
    const names = ({ codeSpans }: typeof english) => [...new Set(codeSpans)].toSorted();
    expect(names(chinese)).toEqual(names(english));
  });
});
