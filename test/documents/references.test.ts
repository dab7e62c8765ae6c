import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { anchorsOf, readDocument, readDocuments } from './document.ts';

/** A path in the project without placeholders. */
const PROJECT_PATH = /^(functions|lib|test|deploy|docs|\.ci|\.vscode|\.github)\/[\w./-]*$/;

/** Files that readers create. */
const CREATED_BY_READERS = /^((functions|test)\/handlers\/|test\/fixtures$)/;

/** Returns whether an example contains the file, which readers then copy. */
const isInExample = (file: string) =>
  globSync(`examples/*/${file.replace(/^test\//, 'tests/')}`, { cwd: PROJECT_ROOT }).length > 0;

describe.each(readDocuments())('$name', ({ name, codeSpans, links }) => {
  it('links to files and headings that exist', () => {
    const broken = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split('#') as [string, string?];
        const target = file === '' ? name : path.join(path.dirname(name), file);
        if (!existsSync(path.join(PROJECT_ROOT, target))) return true;
        return anchor !== undefined && !anchorsOf(readDocument(target)).includes(decodeURI(anchor));
      });
    expect(broken).toEqual([]);
  });

  it('names paths that exist', () => {
    const paths = codeSpans.filter((text) => PROJECT_PATH.test(text) && !CREATED_BY_READERS.test(text));
    const exists = (file: string) => existsSync(path.join(PROJECT_ROOT, file)) || isInExample(file);
    expect(paths.filter((file) => !exists(file))).toEqual([]);
  });
});

describe('README.md', () => {
  it('links to every guide', () => {
    const guides = readDocuments().filter(({ name }) => /^docs\/[\w-]+\.md$/.test(name));
    const linked = readDocument('README.md').links.map((link) => link.split('#')[0]);
    expect(guides.map(({ name }) => name).filter((name) => !linked.includes(name))).toEqual([]);
  });
});
