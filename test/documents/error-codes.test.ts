import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { lexer } from 'marked';
import { describe, expect, it } from 'vitest';
import { ERROR_STATUS } from '../../lib/feishu/errors.ts';
import { CONSEQUENCE } from '../../lib/feishu/long-connection/errors.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { anchorsOf, readDocument } from './document.ts';

const read = (name: string) => readFileSync(path.join(PROJECT_ROOT, name), 'utf8');
const inBothLanguages = (name: string) => globSync(`docs/{.,zh-CN}/${name}`, { cwd: PROJECT_ROOT });

/** Returns the third-level headings, each with the number of paragraphs and lists below it. */
function sectionsOf(name: string): Map<string, number> {
  const sections = new Map<string, number>();
  let current: string | undefined;
  for (const token of lexer(read(name))) {
    if (token.type === 'heading') {
      current = token.depth === 3 ? token.text : undefined;
      if (current !== undefined) sections.set(current, 0);
    } else if (current !== undefined && token.type !== 'space') {
      sections.set(current, (sections.get(current) ?? 0) + 1);
    }
  }
  return sections;
}

describe.each(inBothLanguages('error-codes.md'))('%s', (name) => {
  it('has a section for every code that says what happened and how to fix it', () => {
    const sections = sectionsOf(name);
    expect([...sections.keys()]).toEqual([...Object.keys(ERROR_STATUS), ...Object.keys(CONSEQUENCE)]);
    expect([...sections].filter(([, paragraphs]) => paragraphs < 2)).toEqual([]);
  });

  it('lists the status of every code', () => {
    const rows = readDocument(name).tables.flatMap(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)));
    const documented = rows.flatMap(([code = '', status]) => {
      const [, label] = /^\[`(FEISHU_\w+)`\]/.exec(code) ?? [];
      return label === undefined ? [] : [[label, Number(status)]];
    });
    expect(Object.fromEntries(documented)).toEqual(ERROR_STATUS);
  });
});

describe.each(inBothLanguages('operating.md'))('%s', (name) => {
  it('has a section for every alarm that says what to look at and what to do', () => {
    const alarms = read('deploy/alarms.yml').matchAll(/^ *AlarmName: \$\{self:service\}-\$\{sls:stage\}-([\w-]+)$/gm);
    const sections = sectionsOf(name);
    expect([...sections.keys()]).toEqual([...alarms].map(([, alarm]) => alarm));
    expect([...sections].filter(([, paragraphs]) => paragraphs < 2)).toEqual([]);
  });
});

describe('Messages and comments', () => {
  const sources = globSync(['lib/**/*.ts', 'deploy/*.yml', 'serverless.yml'], { cwd: PROJECT_ROOT }).map(read);
  const references = sources.flatMap((text) => [...text.matchAll(/docs\/([\w-]+\.md)(?:#([\w-]+))?/g)]);

  it('refer to guides and sections that exist', () => {
    expect(references.length).toBeGreaterThan(3);
    const broken = references.filter(([, file = '', anchor]) => {
      if (!inBothLanguages(file).some((name) => path.dirname(name) === 'docs')) return true;
      return anchor !== undefined && !anchorsOf(readDocument(`docs/${file}`)).includes(anchor);
    });
    expect(broken.map(([reference]) => reference)).toEqual([]);
  });
});
