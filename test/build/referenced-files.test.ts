import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findReferencedFiles } from '../../lib/build/referenced-files.ts';

const MODULE = 'functions/handlers/v2/module.ts';

describe('findReferencedFiles', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-files-'));
    for (const folder of ['functions/handlers/v2', 'templates/mail', 'node_modules/package']) {
      await mkdir(path.join(root, folder), { recursive: true });
    }
    for (const file of ['templates/hello.txt', 'templates/mail/hello.html']) await writeFile(path.join(root, file), '');
  });
  afterAll(() => rm(root, { recursive: true }));

  async function find(source: string, module = MODULE) {
    await writeFile(path.join(root, module), source);
    return findReferencedFiles(root, { inputs: { [module]: { bytes: 0, imports: [] } }, outputs: {} });
  }

  it.each([
    "readFile(new URL('../../../templates/hello.txt', import.meta.url))",
    'new URL(\n  "../../../templates/hello.txt",\n  import.meta.url,\n)',
    "path.join(import.meta.dirname, '../../../templates/hello.txt')",
    "resolve(__dirname, '../../..', 'templates', \"hello.txt\")",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the code of a handler
    'readFile(`${import.meta.dirname}/../../../templates/hello.txt`)',
    "readFile(__dirname + '/../../../templates/hello.txt')",
  ])('finds the file in %s', async (source) => {
    expect(await find(source)).toEqual({ files: ['templates/hello.txt'], warnings: [] });
  });

  it.each([
    "path.join(import.meta.dirname, '../../../templates', name)",
    "new URL('../../../templates/', import.meta.url)",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the code of a handler
    'new URL(`../../../templates/${name}.txt`, import.meta.url)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the code of a handler
    'readFile(`${__dirname}/../../../templates/${name}`)',
    "readFile(__dirname + '/../../../templates/' + name)",
  ])('finds the folder in %s', async (source) => {
    expect(await find(source)).toEqual({ files: ['templates/'], warnings: [] });
  });

  it.each([
    [
      "new URL('./absent.txt', import.meta.url)",
      `${MODULE} reads functions/handlers/v2/absent.txt, which does not exist.`,
    ],
    ["path.join(__dirname, '../../../../secret.txt')", 'which is outside the project and will not be deployed.'],
    [
      "path.join(__dirname, '../../..', name)",
      `${MODULE} reads files in .: add them to the function's package.patterns.`,
    ],
    ['path.join(import.meta.dirname, name)', 'uses its location in a way that the build cannot follow.'],
  ])('warns about %s', async (source, warning) => {
    expect(await find(source)).toEqual({ files: [], warnings: [expect.stringContaining(warning)] });
  });

  it.each([
    'createRequire(import.meta.url); if (import.meta.main) run();',
    '// Bundled, it has no __dirname.\nrun();',
    "/**\n * Not path.join(__dirname, 'absent.txt').\n */\nrun();",
  ])('does not warn about a module that uses no files: %s', async (source) => {
    expect(await find(source)).toEqual({ files: [], warnings: [] });
  });

  it('finds files behind texts that look like comments', async () => {
    const source =
      "glob('src/*'); load('https://example.com', new URL('../../../templates/hello.txt', import.meta.url), '*/');";
    expect(await find(source)).toEqual({ files: ['templates/hello.txt'], warnings: [] });
  });

  it('leaves out packages, which are deployed whole', async () => {
    const source = "readFile(path.join(__dirname, '../../templates/hello.txt'))";
    expect(await find(source, 'node_modules/package/index.js')).toEqual({ files: [], warnings: [] });
  });
});
