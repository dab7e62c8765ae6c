import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readExtensions } from '../../lib/build/extensions.ts';
import { readDocuments } from '../documents/document.ts';
import { PROJECT_ROOT } from '../support/project.ts';

describe('readExtensions', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-extensions-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const read = async (content: string) => {
    await writeFile(path.join(root, 'extensions.yml'), content);
    return readExtensions(root);
  };

  it('reads the file that the template ships', async () => {
    expect(await readExtensions(PROJECT_ROOT)).toEqual({ functions: {}, packages: [] });
  });

  it('reads functions, and accepts variables and CloudFormation tags', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the framework's syntax for variables
    const text = 'functions:\n  daily:\n    role: !GetAtt Role.Arn\n    timeout: ${param:timeout}\n';
    expect(await read(text)).toMatchObject({ functions: { daily: { role: 'Role.Arn' } } });
  });

  it.each(['', '# Empty\n', 'functions:\nresources:\n'])('accepts empty sections: %j', async (text) => {
    expect(await read(text)).toEqual({ functions: {}, packages: [] });
  });

  it('reads the names of packages', async () => {
    expect(await read('packages: [sharp, "@img/sharp"]\n')).toMatchObject({ packages: ['sharp', '@img/sharp'] });
  });

  it('reads the packages of the example in docs/handlers.md', async () => {
    const document = readDocuments().find(({ name }) => name === 'docs/handlers.md');
    const [example] = document?.codeBlocks.filter(({ lang }) => lang === 'yaml') ?? [];
    expect(await read(example?.text ?? '')).toMatchObject({ packages: ['pino-pretty'] });
  });

  it.each(['packages: sharp\n', 'packages: { sharp: 1.0.0 }\n'])(
    'rejects packages that are not a list: %j',
    async (text) => {
      await expect(read(text)).rejects.toThrow('`packages` in extensions.yml must be a list of package names');
    },
  );

  it.each(['sharp@1.0.0', '../sharp', '@img/sharp/lib', ''])('rejects the package name %j', async (name) => {
    const expected = `contains ${JSON.stringify(name)}, which is not the name of a package`;
    await expect(read(`packages: [pino, ${JSON.stringify(name)}]\n`)).rejects.toThrow(expected);
  });

  it('rejects a file that is not YAML with the line', async () => {
    await expect(read('functions:\n  daily: [\n')).rejects.toThrow(/^extensions.yml is not valid YAML: .* at line 3/);
  });

  it('rejects a list', async () => {
    await expect(read('- functions\n')).rejects.toThrow('extensions.yml must contain sections.');
  });

  it('rejects an unknown section, which would have no effect', async () => {
    await expect(read('function: {}\n')).rejects.toThrow(
      'extensions.yml has the unknown section `function`. It can contain: functions, resources, packages.',
    );
  });
});
