import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { anchorOf, readDocument, readDocuments } from './document.ts';

/** A path in the project: below one of its folders, and with no placeholder in it. */
const PROJECT_PATH = /^(functions|lib|test|deploy|docs|\.ci)\/[\w./-]*$/;

/** What a reader makes: examples of modules, and what the programs write. */
const MADE_BY_THE_READER = /^(functions|test)\/handlers\//;

describe.each(readDocuments())('$name', ({ name, codeSpans, links }) => {
  it('links to files and headings that exist', () => {
    const broken = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split('#') as [string, string?];
        const target = file === '' ? name : path.join(path.dirname(name), file);
        if (!existsSync(path.join(PROJECT_ROOT, target))) return true;
        return anchor !== undefined && !readDocument(target).headings.map(anchorOf).includes(decodeURI(anchor));
      });
    expect(broken).toEqual([]);
  });

  it('names paths that exist', () => {
    const paths = codeSpans.filter((text) => PROJECT_PATH.test(text) && !MADE_BY_THE_READER.test(text));
    expect(paths.filter((file) => !existsSync(path.join(PROJECT_ROOT, file)))).toEqual([]);
  });
});
