import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { approvalsBundle, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';
import { volume } from '../support/volume.ts';
import { type Document, readDocuments } from './document.ts';

/** Where the code in each language is tested. Chinese documents have the same code: see `translation.test.ts`. */
const TESTED_LANGUAGES = new Map([
  ['', 'commands.test.ts'],
  ['ts', 'here'],
  ['ini', 'here'],
  ['python', '../python/migrating.python-test.ts'],
  ['yaml', '../deploy/user-functions.long.test.ts and ../build/extensions.test.ts'],
  ['json', '../deploy/workflow.test.ts'],
  ['go', '../go/migrating.go-test.ts'],
]);

const ENGLISH = readDocuments().filter(({ name }) => !name.includes('zh-CN'));
const blocksIn = ({ codeBlocks }: Document, language: string) => codeBlocks.filter(({ lang }) => lang === language);

it.each(ENGLISH)('$name contains only code that a test runs', ({ codeBlocks }) => {
  const untested = codeBlocks.filter(({ lang = '' }) => !TESTED_LANGUAGES.has(lang));
  expect(untested.map(({ lang, text }) => ({ lang, text }))).toEqual([]);
});

const GUIDE = 'docs/examples.md';
const withTypeScript = ENGLISH.filter((document) => document.name !== GUIDE && blocksIn(document, 'ts').length > 0);

describe(`The TypeScript in ${GUIDE}`, () => {
  const guide = ENGLISH.find(({ name }) => name === GUIDE) as Document;
  const lines = (text: string) => text.split('\n').map((line) => line.trim());

  it.each(blocksIn(guide, 'ts').map(({ text }) => text))('is part of an example: %s', async (text) => {
    const [head = '', ...code] = lines(text);
    const source = await readFile(path.join(PROJECT_ROOT, head.replace('// ', '')), 'utf8');
    expect(lines(source).join('\n')).toContain(code.join('\n'));
  });
});

// Compiling, building and testing one document takes as long as many other test files.
describe.each(volume({ small: [], full: withTypeScript }))('The TypeScript in $name', (document) => {
  it('has correct types, builds, and its tests pass', async () => {
    await using project = await createProject();
    const files = blocksIn(document, 'ts').map(({ text }) => {
      const [, file] = /^\/\/ (\S+\.ts)$/m.exec(text.split('\n', 1)[0] as string) ?? [];
      if (file === undefined) throw new Error(`The first line of an example must name its file:\n${text}`);
      return { file, text };
    });
    for (const { file, text } of files) {
      await mkdir(path.join(project.root, path.dirname(file)), { recursive: true });
      await writeFile(path.join(project.root, file), text);
      for (const [, imported = ''] of text.matchAll(/from '(.+\.md)'/g)) {
        const target = path.join(project.root, path.dirname(file), imported);
        await mkdir(path.dirname(target), { recursive: true });
        await writeFile(target, 'Text that the example imports');
      }
    }
    const configuration = JSON.parse(await readFile(path.join(PROJECT_ROOT, 'tsconfig.json'), 'utf8'));
    configuration.include.push('*.ts');
    await writeFile(path.join(project.root, 'tsconfig.json'), JSON.stringify(configuration));

    const types = await run(project.root, 'node_modules/typescript/bin/tsc');
    expect(types).toEqual({ code: 0, output: '' });
    const outdir = path.join(project.root, '.build');
    for (const bundle of [webhookBundle, workerBundle, approvalsBundle]) await build(bundle(project.root, outdir));
    const tests = files.filter(({ file }) => file.endsWith('.test.ts'));
    if (tests.length > 0) {
      const result = await run(project.root, 'node_modules/vitest/vitest.mjs', [
        'run',
        ...tests.map(({ file }) => file),
      ]);
      expect(result).toMatchObject({ code: 0 });
      expect(result.output).toContain(`${tests.length} passed`);
    }
  });
});

describe('The settings in .env examples', () => {
  it('are documented in docs/configuration.md', () => {
    const configuration = ENGLISH.find(({ name }) => name === 'docs/configuration.md');
    const examples = ENGLISH.flatMap((document) => blocksIn(document, 'ini')).map(({ text }) => parseEnv(text));
    expect(examples.length).toBeGreaterThan(0);
    expect(configuration?.codeSpans).toEqual(expect.arrayContaining(examples.flatMap(Object.keys)));
  });
});
