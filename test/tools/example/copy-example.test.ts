import { existsSync, globSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readExtensions } from '../../../lib/build/extensions.ts';
import { copyExample, listExamples } from '../../../lib/tools/example/copy-example.ts';
import { isShippedSample } from '../../../lib/tools/example/shipped-samples.ts';
import { PROJECT_ROOT } from '../../support/project.ts';
import { run } from '../../support/run.ts';

const NAMES = [...(await listExamples(PROJECT_ROOT)).keys()];
const HANDLER = 'functions/handlers/v2/im.message.receive_v1.ts';
const TEST = 'test/handlers/v2/im.message.receive_v1.test.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'feishu-events-example-'));
  for (const name of ['examples', 'extensions.yml', 'package.json', 'functions/handlers', 'test/handlers']) {
    await cp(path.join(PROJECT_ROOT, name), path.join(root, name), { recursive: true });
  }
});
afterEach(() => rm(root, { recursive: true }));
const read = (name: string) => readFile(path.join(root, name), 'utf8');
const readManifest = async () => JSON.parse(await read('package.json'));

describe.each(NAMES)('Copying the example %s', (name) => {
  it('puts its files into their places and adds its settings', async () => {
    const { report } = await copyExample(root, name);
    const files = globSync('{functions,tests}/**/*.*', { cwd: path.join(root, 'examples', name) });
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const target = file.replace(/^tests/, 'test');
      expect(await read(target)).toBe(await read(`examples/${name}/${file}`));
      expect(report.filter((line) => line.endsWith(` ${target}`))).toHaveLength(1);
    }
    const added = await readExtensions(root);
    expect(Object.keys(added.environment).length).toBeGreaterThan(0);
  });

  it('adds every package that its handlers import', async () => {
    await copyExample(root, name);
    const sources = globSync('functions/**/*.ts', { cwd: path.join(root, 'examples', name) });
    const specifiers = (await Promise.all(sources.map((file) => read(`examples/${name}/${file}`)))).flatMap((source) =>
      [...source.matchAll(/from '([^.#'][^']*)'/g)].map(([, specifier = '']) => specifier),
    );
    const packages = specifiers
      .filter((specifier) => !specifier.startsWith('node:'))
      .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
    const { dependencies, devDependencies } = await readManifest();
    expect(Object.keys(dependencies)).toEqual(expect.arrayContaining(packages));
    expect(Object.keys(devDependencies).filter((other) => other in dependencies)).toEqual([]);
  });

  it('names the versions that the template tests', async () => {
    const { dependencies } = JSON.parse(await read(`examples/${name}/example.json`));
    const { devDependencies } = await readManifest();
    expect(devDependencies).toMatchObject(dependencies);
  });
});

it('The samples that an example replaces are those that the template ships', async () => {
  const shipped = NAMES.flatMap((name) =>
    globSync('{functions,tests}/**/*.ts', { cwd: path.join(PROJECT_ROOT, 'examples', name) }),
  )
    .map((file) => path.join(PROJECT_ROOT, file.replace(/^tests/, 'test')))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'));
  expect(shipped.length).toBeGreaterThan(0);
  expect(shipped.filter((text) => !isShippedSample(text))).toEqual([]);
  expect(isShippedSample((shipped[0] as string).replaceAll('\n', '\r\n'))).toBe(true);
});

describe('A file of the user', () => {
  it.each([HANDLER, TEST])('%s is not replaced, and nothing else is written', async (file) => {
    await writeFile(path.join(root, file), `${await read(file)}// Mine.\n`);
    const before = await Promise.all([HANDLER, TEST, 'extensions.yml', 'package.json'].map(read));
    await expect(copyExample(root, 'assistant')).rejects.toThrow(`${file} already exists: nothing was written.`);
    expect(await Promise.all([HANDLER, TEST, 'extensions.yml', 'package.json'].map(read))).toEqual(before);
    await expect(read('functions/assistant/model.ts')).rejects.toThrow('ENOENT');
  });

  it('next to the handlers is not replaced', async () => {
    await mkdir(path.join(root, 'functions/assistant'));
    await writeFile(path.join(root, 'functions/assistant/model.ts'), '// Mine.\n');
    await expect(copyExample(root, 'assistant')).rejects.toThrow('functions/assistant/model.ts already exists');
  });

  it('of another example is not replaced either', async () => {
    await copyExample(root, 'assistant');
    await expect(copyExample(root, 'files-to-s3')).rejects.toThrow(`${HANDLER} already exists`);
  });
});

it('A package that the project has keeps its version and its section', async () => {
  const manifest = await readManifest();
  delete manifest.devDependencies['eventsource-parser'];
  manifest.dependencies['eventsource-parser'] = '4.0.0';
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(path.join(root, 'package.json'), text);
  expect(await copyExample(root, 'assistant')).toMatchObject({ needsInstallation: false });
  expect(await read('package.json')).toBe(text);
});

it('A setting that differs from the example is kept and reported', async () => {
  await writeFile(path.join(root, 'extensions.yml'), 'params:\n  default:\n    workerTimeout: 600\n');
  const { report } = await copyExample(root, 'assistant');
  expect(report).toContain("Kept your params.default.workerTimeout in extensions.yml: compare it with the example's");
  expect(await readExtensions(root)).toMatchObject({ params: { default: { workerTimeout: 600 } } });
});

describe('npm run new -- --example', () => {
  const create = (...args: string[]) => run(PROJECT_ROOT, 'lib/tools/new.ts', ['--example', ...args]);

  it('lists the examples', async () => {
    const { code, output } = await create();
    expect(code).toBe(0);
    for (const name of NAMES) expect(output).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
  });

  it.each([
    ['an unknown name', ['asistant'], 'There is no example "asistant".'],
    ['two names', ['assistant', 'files-to-s3'], 'There is no example "assistant files-to-s3".'],
    ['an option for handlers', ['assistant', '--v1'], '--v1 does not apply to examples: remove it.'],
  ])('rejects %s', async (_, args, message) => {
    const { code, output } = await create(...args);
    expect(code).toBe(2);
    expect(output).toContain(message);
  });
});
