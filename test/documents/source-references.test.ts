import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { anchorsOf, readDocument } from './document.ts';

const SOURCES = ['serverless.yml', 'deploy/*.yml', 'lib/**/*.{ts,tsx}', 'functions/*.ts'];
const FILE_NAME = /(?<![\w@/.…}>-])(?:[\w.-]+\/)*[\w.-]+\.(?:ts|tsx|md|yml|json|sh)\b(?:#[\w-]+)?/g;

/** Files that the user writes, and paths in examples of them. */
const OF_THE_USER = /^(functions|test)\/handlers\/|^fallback\.ts$|^(\.\.\/)+lib\//;

interface Reference {
  source: string;
  name: string;
}

describe('Every file named in a comment or a description', () => {
  const everywhere = globSync('{.ci,deploy,docs,functions,lib,test}/**/*.*', { cwd: PROJECT_ROOT });
  const byName = new Set(everywhere.map((file) => path.basename(file)));

  const references: Reference[] = globSync(SOURCES, { cwd: PROJECT_ROOT }).flatMap((source) => {
    const text = readFileSync(path.join(PROJECT_ROOT, source), 'utf8');
    const prose = source.endsWith('.yml') ? descriptionsOf(text) : commentsOf(text);
    const names = prose.match(FILE_NAME) ?? [];
    return [...new Set(names)].filter((name) => !OF_THE_USER.test(name)).map((name) => ({ source, name }));
  });
  const find = ({ source, name }: Reference): string | undefined => {
    const [file = ''] = name.split('#');
    const candidates = [file, path.join(path.dirname(source), file)];
    const found = candidates.find((candidate) => existsSync(path.join(PROJECT_ROOT, candidate)));
    return found ?? (!file.includes('/') && byName.has(file) ? file : undefined);
  };

  it('is found in the sources', () => {
    expect(references).toContainEqual({ source: 'deploy/alarms.yml', name: 'docs/operating.md#dead-letters' });
    expect(references.map(({ source }) => source)).toContain('serverless.yml');
    expect(references.filter(({ source }) => source.startsWith('lib/'))).not.toEqual([]);
  });

  it('exists', () => {
    expect(references.filter((reference) => find(reference) === undefined)).toEqual([]);
  });

  it('has the heading that its anchor names', () => {
    const broken = references.filter((reference) => {
      const [, anchor] = reference.name.split('#');
      const file = find(reference);
      return anchor !== undefined && file !== undefined && !anchorsOf(readDocument(file)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe('The description of each alarm', () => {
  const alarms = readFileSync(path.join(PROJECT_ROOT, 'deploy/alarms.yml'), 'utf8');
  const named = alarms.matchAll(/AlarmName: .*\}-([\w-]+)\n\s+AlarmDescription: (.*)/g);

  it.each(Array.from(named, ([, name = '', description = '']) => [name, description]))(
    'refers to its section in the guide: %s',
    (name, description) => {
      expect(description).toMatch(new RegExp(` See docs/operating\\.md#${name}\\.$`));
    },
  );
});

function commentsOf(code: string): string {
  return (code.match(/\/\*\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*/gm) ?? []).join('\n');
}

function descriptionsOf(yaml: string): string {
  return (yaml.match(/(?<=^|\s)# .*|Description: .*/gm) ?? []).join('\n');
}
