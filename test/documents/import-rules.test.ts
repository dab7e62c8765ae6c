import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';

/** What each folder may import, from "Import rules" in ARCHITECTURE.md. */
const rules = readRules();
const folders = [...rules.keys()];
const deployed = folders.slice(0, folders.indexOf('connection') + 1);

function readRules(): Map<string, string[]> {
  const text = readFileSync(path.join(PROJECT_ROOT, 'ARCHITECTURE.md'), 'utf8');
  const section = text.split('## Import rules')[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| `([\w-]+)` \|(.*)\|$/gm)].map(([, folder = '', cell = '']) => ({
    folder,
    cell,
  }));
  const names = rows.map(({ folder }) => folder);
  const deployedNames = names.slice(0, names.indexOf('connection') + 1);
  return new Map(
    rows.map(({ folder, cell }) => {
      const named = [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name);
      return [folder, cell.includes('deployed code') ? [...deployedNames, ...named] : named];
    }),
  );
}

describe('The import rules in ARCHITECTURE.md', () => {
  /** The folders whose import Biome rejects, by module of the example project. */
  let rejected: Map<string, string[]>;

  beforeAll(async () => {
    rejected = await checkExample();
  });

  it('name every folder of lib', () => {
    const entries = readdirSync(path.join(PROJECT_ROOT, 'lib'), { withFileTypes: true });
    const existing = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(folders.toSorted()).toEqual(existing.toSorted());
  });

  it('allow a folder to import only folders above it, so that there is no cycle', () => {
    for (const [index, folder] of folders.entries()) {
      expect(folders.slice(0, index), folder).toEqual(expect.arrayContaining(rules.get(folder) ?? []));
    }
  });

  it.each(folders)('are what npm run check enforces in lib/%s', (folder) => {
    const allowed = rules.get(folder) ?? [];
    const expected = folders.filter((other) => other !== folder && !allowed.includes(other));
    if (folder === 'feishu' || folder === 'util') expected.push('handler.ts', 'reply-streams.ts', 'config.ts');
    if (deployed.includes(folder))
      expected.push('#feishu-events/testing', '#feishu-events/samples', '#feishu-events/mock-platform');
    expect(rejected.get(`lib/${folder}/module.ts`)).toEqual(expected.toSorted());
  });

  it('are what npm run check enforces for the modules at the top of lib', () => {
    const others = folders.filter((folder) => folder !== 'feishu' && folder !== 'util');
    const expected = [...others, '#feishu-events/testing', '#feishu-events/samples', '#feishu-events/mock-platform'];
    expect(rejected.get('lib/module.ts')).toEqual(expected.toSorted());
  });

  it('are what npm run check enforces in functions', () => {
    const development = folders.filter((folder) => !deployed.includes(folder));
    const expected = [
      ...development,
      '#feishu-events/testing',
      '#feishu-events/samples',
      '#feishu-events/mock-platform',
    ];
    expect(rejected.get('functions/module.ts')).toEqual(expected.toSorted());
    expect(rejected.get('functions/handlers/v2/module.ts')).toEqual(expected.toSorted());
  });

  it('forbid cycles between modules', () => {
    expect(rejected.get('lib/cycle.ts')).toEqual(['./cycle-back.ts']);
  });
});

/** Runs Biome on a project whose modules import one module of every folder. */
async function checkExample(): Promise<Map<string, string[]>> {
  using project = mkdtempDisposableSync(path.join(tmpdir(), 'feishu-events-import-rules-'));
  const write = (name: string, source: string) => {
    const file = path.join(project.path, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, source);
  };
  const toFolder = new Map<string, string>();
  const importAll = (name: string, owned?: string) => {
    const toLib = path.posix.relative(path.posix.dirname(name), 'lib') || '.';
    const modules = [
      ...folders.filter((folder) => folder !== owned),
      'handler.ts',
      'reply-streams.ts',
      'config.ts',
    ].map((target) => {
      const specifier = `${toLib}/${target.endsWith('.ts') ? target : `${target}/other.ts`}`;
      toFolder.set(specifier, target);
      return specifier;
    });
    const specifiers = [...modules, '#feishu-events/testing', '#feishu-events/samples', '#feishu-events/mock-platform'];
    write(name, specifiers.map((specifier) => `import '${specifier}';\n`).join(''));
  };
  for (const config of ['biome.json', 'lib/biome.json']) {
    mkdirSync(path.dirname(path.join(project.path, config)), { recursive: true });
    copyFileSync(path.join(PROJECT_ROOT, config), path.join(project.path, config));
  }
  // Biome requires this file, and considers an empty one missing.
  write('.gitignore', 'node_modules\n');
  for (const folder of folders) importAll(`lib/${folder}/module.ts`, folder);
  for (const name of ['lib/module.ts', 'functions/module.ts', 'functions/handlers/v2/module.ts']) importAll(name);
  write('lib/cycle.ts', "import { back } from './cycle-back.ts';\nexport const forth = () => back;\n");
  write('lib/cycle-back.ts', "import { forth } from './cycle.ts';\nexport const back = () => forth;\n");

  const found = new Map<string, string[]>();
  for (const { category, location } of await biomeDiagnostics(project.path)) {
    if (!/\/(noRestrictedImports|noImportCycles)$/.test(category)) continue;
    const line =
      readFileSync(path.join(project.path, location.path), 'utf8').split('\n')[location.start.line - 1] ?? '';
    const specifier = /'(.+)'/.exec(line)?.[1] ?? '';
    found.set(location.path, [...(found.get(location.path) ?? []), toFolder.get(specifier) ?? specifier].toSorted());
  }
  return found;
}

interface Diagnostic {
  category: string;
  location: { path: string; start: { line: number } };
}

function biomeDiagnostics(cwd: string): Promise<Diagnostic[]> {
  const biome = path.join(PROJECT_ROOT, 'node_modules/.bin/biome');
  return new Promise((resolve, reject) => {
    execFile(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], { cwd }, (_, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout).diagnostics);
      } catch {
        reject(new Error(`Biome printed no report: ${stdout.slice(0, 1000)} ${stderr.slice(0, 1000)}`));
      }
    });
  });
}
