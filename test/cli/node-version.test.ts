import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { volume } from '../support/volume.ts';

const { adviceOnNodeVersion } = createRequire(import.meta.url)('../../lib/cli/node-version.cjs');

describe('The advice for a version of Node', () => {
  it.each(['24.0.0', '24.21.0', '26.1.0', '100.0.0'])('is empty for %s', (version) => {
    expect(adviceOnNodeVersion(version)).toBeUndefined();
  });

  it.each(['18.20.0', '20.20.2', '22.18.0', '23.11.1'])('says what to do on %s', (version) => {
    expect(adviceOnNodeVersion(version)).toContain(`needs Node 24 or newer, but this is Node ${version}.`);
    expect(adviceOnNodeVersion(version)).toContain('npm rebuild node');
  });
});

describe('On Node 20, without the Node that npm ci installs', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const commands = [
    ...Object.entries<string>(scripts).map(([name, command]) => [`npm run ${name}`, command]),
    ...['serverless package', 'serverless deploy', 'serverless dlq list', 'vitest run'].map((command) => [
      `npx ${command}`,
      command,
    ]),
  ] as [string, string][];
  const firstOfEachProgram = ['node --require', 'node lib/cli', 'serverless', 'vitest'].map((program) => {
    const found = commands.find(([, command]) => command.startsWith(program));
    if (found === undefined) throw new Error(`No script runs ${program}`);
    return found;
  });
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'feishu-events-node-20-'));
    // Fakes the version: the real Node 20 would have to be downloaded.
    const stub = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
    writeFileSync(path.join(folder, 'stub.cjs'), stub);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(volume({ small: firstOfEachProgram, full: commands }))(
    '%s says what to do instead of failing at the first .ts file',
    (_, command) => {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
        cwd: PROJECT_ROOT,
        env: {
          PATH: `${path.join(PROJECT_ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
          HOME: folder,
          NODE_OPTIONS: `--require ${path.join(folder, 'stub.cjs')}`,
        },
        encoding: 'utf8',
      });
      expect(`${stdout}${stderr}`).toContain(adviceOnNodeVersion('20.20.2'));
      expect(`${stdout}${stderr}`).not.toContain('ERR_UNKNOWN_FILE_EXTENSION');
      expect(status).toBe(1);
    },
  );
});
