import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { lambdaBundle } from '../../lib/deploy/bundle.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';
import { readDocuments } from './document.ts';

const WITH_CODE = readDocuments()
  .map(({ name, codeBlocks }) => ({ name, examples: codeBlocks.filter(({ lang }) => lang === 'ts') }))
  .filter(({ examples }) => examples.length > 0);
/** A document and its translation have the same code. */
const DIFFERENT = [
  ...Map.groupBy(WITH_CODE, ({ examples }) => examples.map(({ text }) => text).join('\n')).values(),
].map((documents) => ({
  names: documents.map(({ name }) => name).join(' and '),
  examples: documents.flatMap(({ examples }) => examples).slice(0, documents[0]?.examples.length),
}));

describe.each(DIFFERENT)('The TypeScript in $names', ({ examples }) => {
  it('is right: it has the types it should have, builds, and its tests pass', async () => {
    await using project = await createProject();
    await copyFile(path.join(PROJECT_ROOT, 'tsconfig.json'), path.join(project.root, 'tsconfig.json'));
    const files = examples.map(({ text }) => {
      const [, file] = /^\/\/ (\S+\.ts)$/m.exec(text.split('\n', 1)[0] as string) ?? [];
      if (file === undefined) throw new Error(`The first line of an example must name its file:\n${text}`);
      return { file, text };
    });
    for (const { file, text } of files) {
      await mkdir(path.join(project.root, path.dirname(file)), { recursive: true });
      await writeFile(path.join(project.root, file), text);
    }

    const types = await run(project.root, 'node_modules/typescript/bin/tsc');
    expect(types).toEqual({ code: 0, output: '' });
    await build(lambdaBundle(project.root, path.join(project.root, '.build')));
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
