import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { checkArtifactSize } from '../../lib/deploy/artifact-size.ts';
import { PACKAGES, packPackages } from '../support/packages.ts';
import { createProject, type Project } from './support/project.ts';
import { runOrThrow } from './support/run.ts';

const FUNCTION = `
  import { readFileSync } from 'node:fs';
  import module from 'reads-module';
  import { shared, text, useDriver } from 'reads-common';
  import shared2 from 'shared-state';
  export const handler = async () => ({
    texts: [text(), module(), readFileSync(new URL('../templates/greeting.txt', import.meta.url), 'utf8')],
    isShared: shared === shared2,
  });`;

/** The header of an ELF file. */
const nativeCode = (machine: number) => {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f_45_4c_46);
  header.writeUInt16LE(machine, 18);
  return header;
};

describe('A function with packages that do not work in a bundle', () => {
  let project: Project;
  const inProject = (name: string) => path.join(project.folder, name);
  const artifact = (name: string) => inProject(`.serverless/${name}.zip`);

  beforeAll(async () => {
    project = await createProject();
    await packPackages(project.folder, {
      ...PACKAGES,
      'has-native/addon.node': nativeCode(0xb7),
      'has-native/prebuilds/linux-x64/addon.node': nativeCode(0x3e),
      'for-another-processor/package.json': { version: '1.0.0' },
      'for-another-processor/index.js': "module.exports = require('./addon.node');",
      'for-another-processor/addon.node': nativeCode(0x3e),
      'loaded-by-name/package.json': { version: '1.0.0' },
      'loaded-by-name/index.js': '',
    });
    await mkdir(inProject('templates'));
    await writeFile(inProject('templates/greeting.txt'), 'Hello');
    await writeFile(inProject('functions/reads.ts'), FUNCTION);
    await writeFile(inProject('functions/native.ts'), "import 'has-native';\nexport const handler = async () => {};\n");
    await writeFile(inProject('functions/plain.ts'), 'export const handler = async () => {};\n');
  });
  afterAll(() => project.remove());

  async function extensions(functions: string[], packages: string[] = []): Promise<void> {
    const lines = functions.map((name) => `  ${name}: { handler: functions/${name}.handler }\n`).join('');
    await writeFile(inProject('extensions.yml'), `functions:\n${lines}packages: ${JSON.stringify(packages)}\n`);
  }

  async function packagedFiles(name: string): Promise<string[]> {
    const zip = await openPromise(artifact(name));
    const names: string[] = [];
    for await (const { fileName } of zip.eachEntry()) names.push(fileName);
    return names.toSorted();
  }

  it('finds them, and the files it reads, in its artifact', async () => {
    await extensions(['reads', 'native', 'plain'], ['loaded-by-name']);
    const { code, output } = await project.serverless('package');
    expect(code, output).toBe(0);
    expect(output).toContain('Installed for arm64, because they cannot be bundled');
    expect(output).toContain('  reads-common (finds files in its own folder), in reads');
    expect(output).toContain('  loaded-by-name (listed in extensions.yml), in reads, native');
    expect(output).toContain('not installed and fail if they are used: absent-driver');

    const inBuild = (names: string[]) => names.map((name) => `.build/${name}`);
    const loaded = ['node_modules/loaded-by-name/index.js', 'node_modules/loaded-by-name/package.json'];
    expect(await packagedFiles('plain')).toEqual(inBuild(['functions/plain.mjs', 'functions/plain.mjs.map']));
    // Without the file for the other processor.
    const native = ['functions/native.mjs', 'functions/native.mjs.map', 'node_modules/has-native/addon.node'];
    const code2 = ['node_modules/has-native/index.js', 'node_modules/has-native/package.json'];
    expect(await packagedFiles('native')).toEqual(inBuild([...native, ...code2, ...loaded]));

    const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-artifact-'));
    try {
      await runOrThrow('python3', ['-m', 'zipfile', '-e', artifact('reads'), folder], options());
      const code = `import('./.build/functions/reads.mjs').then(async ({ handler }) => console.log(JSON.stringify(await handler())));`;
      const stdout = await runOrThrow(process.execPath, ['-e', code], { cwd: folder, ...options() });
      expect(JSON.parse(stdout)).toEqual({
        texts: ['the text of reads-common', 'the default export', 'Hello'],
        isShared: true,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is packaged again without another installation', async () => {
    const marker = inProject('.build/node_modules/reads-common/marker');
    await writeFile(marker, '');
    await project.package();
    await access(marker);
    await writeFile(inProject('.build/installed.json'), 'an interrupted installation');
    await project.package();
    await expect(access(marker)).rejects.toThrow('ENOENT');
  });

  it('is rejected if it is larger than Lambda allows, with the largest parts', async () => {
    const expected = /has 0\.\d MB unzipped.*\n.*MB {2}\.build\/node_modules\/reads-common\n/s;
    await expect(checkArtifactSize('reads', artifact('reads'), 100)).rejects.toThrow(expected);
    const files = await readFile(artifact('reads'));
    expect(await checkArtifactSize('reads', artifact('reads'))).toBeGreaterThan(files.length / 10);
  });

  it.each([
    [
      'native code for another processor',
      "import 'for-another-processor';",
      [],
      'for-another-processor has native code',
    ],
    ['a package that is not installed', "import 'reads-common';", ['absent'], 'Run: npm install absent'],
  ])('is rejected if it needs %s', async (_, imports, packages, expected) => {
    await writeFile(inProject('functions/rejected.ts'), `${imports}\nexport const handler = async () => {};\n`);
    await extensions(['rejected'], packages);
    const { code, output } = await project.serverless('package');
    expect(output).toContain(expected);
    expect(code).toBe(1);
  });

  const options = () => ({ environment: { PATH: process.env.PATH ?? '', HOME: project.folder } });
});
