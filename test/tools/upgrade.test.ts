import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';
import { volume } from '../support/volume.ts';

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};
const HANDLER = 'functions/handlers/v2/im.message.receive_v1.ts';

/** A Git repository on disk. */
class Repository {
  readonly root: string;
  constructor(root: string) {
    this.root = root;
  }
  git(...args: string[]): string {
    const options = { cwd: this.root, encoding: 'utf8', env: { ...process.env, ...IDENTITY } } as const;
    return execFileSync('git', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  }
  read(name: string): string {
    return readFileSync(path.join(this.root, name), 'utf8');
  }
  write(name: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.root, name)), { recursive: true });
    writeFileSync(path.join(this.root, name), text);
  }
  change(name: string, from: string, to: string): void {
    const text = this.read(name);
    expect(text).toContain(from);
    this.write(name, text.replace(from, to));
  }
  commit(message: string): string {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }
  upgrade(...args: string[]) {
    return run(this.root, 'lib/tools/upgrade.ts', args, { ...IDENTITY, INIT_CWD: this.root });
  }
  /** Returns what a failed or undone upgrade must leave unchanged. */
  state(): string[] {
    return [this.git('rev-parse', 'HEAD'), this.git('status', '--porcelain'), this.git('write-tree')];
  }
}

let folder: string;
let template: Repository;
let firstVersion: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'feishu-events-upgrade-'));
  template = new Repository(path.join(folder, 'template'));
  // The command and what the tests change: Git takes several times as long with all of lib.
  for (const name of [
    'functions',
    'lib/cli',
    'lib/feishu',
    'lib/tools',
    'lib/worker',
    'deploy',
    'extensions.yml',
    'package.json',
    'package-lock.json',
    'serverless.yml',
    '.gitignore',
  ]) {
    cpSync(path.join(PROJECT_ROOT, name), path.join(template.root, name), { recursive: true });
  }
  template.write('README.md', 'The template.\n');
  template.git('init', '--quiet', '--initial-branch=main');
  firstVersion = template.commit('First version');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Creates a project by cloning the template. */
function clone(): Repository {
  template.git('clone', '--quiet', template.root, path.join(folder, 'project'));
  return new Repository(path.join(folder, 'project'));
}

/** Creates a project from the files only, like "Use this template" or a download. */
function copy(): Repository {
  const project = new Repository(path.join(folder, 'project'));
  cpSync(template.root, project.root, {
    recursive: true,
    filter: (source) => source !== path.join(template.root, '.git'),
  });
  project.git('init', '--quiet', '--initial-branch=main');
  project.commit('Begin');
  return project;
}

function releaseSecondVersion(): string {
  template.change(
    'lib/worker/retry.ts',
    'export const MAXIMUM_DELIVERIES = 5;',
    'export const MAXIMUM_DELIVERIES = 6;',
  );
  template.write('functions/worker.ts', `${template.read('functions/worker.ts')}// Changed by the template.\n`);
  template.change('deploy/queues.yml', 'Resources:', '# Queues.\nResources:');
  template.write('lib/news.ts', 'export const news = 1;\n');
  template.write(HANDLER, '// The template changed its echo handler.\n');
  template.git('rm', '--quiet', 'lib/worker/self-test.ts');
  template.change('package.json', '"ws": "', '"example-of-the-template": "^1.0.0",\n    "ws": "');
  template.write('package-lock.json', '{ "lockfileVersion": 3 }\n');
  return template.commit('Second version');
}

const PROJECTS: [kind: string, create: () => Repository][] = volume({
  small: [['a copy without history', copy]],
  full: [
    ['a clone', clone],
    ['a copy without history', copy],
  ],
});

describe.each(PROJECTS)('npm run upgrade in %s', (_, createProject) => {
  let project: Repository;
  beforeEach(() => {
    project = createProject();
  });

  it('applies what the template changed, added and removed', async () => {
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('Upgraded from');
    expect(output).toContain('npm install && npm run check && npm test');
    expect(code).toBe(0);
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('functions/worker.ts')).toContain('// Changed by the template.');
    expect(project.read('deploy/queues.yml')).toContain('# Queues.');
    expect(project.read('lib/news.ts')).toBe('export const news = 1;\n');
    expect(existsSync(path.join(project.root, 'lib/worker/self-test.ts'))).toBe(false);
    expect(project.read('package.json')).toBe(template.read('package.json'));
    expect(project.read('package-lock.json')).toBe(template.read('package-lock.json'));
    expect(project.git('status', '--porcelain')).toBe('');
  });

  it('does not change handlers and their tests', async () => {
    project.write('functions/handlers/v1/out_approval.ts', '// mine\n');
    project.git('rm', '--quiet', 'functions/handlers/v1/message.ts');
    project.write('test/handlers/v1/out_approval.test.ts', '// mine, too\n');
    project.commit('Write a handler');
    const before = [
      project.git('rev-parse', 'HEAD:functions/handlers'),
      project.git('rev-parse', 'HEAD:test/handlers'),
    ];
    template.write('functions/handlers/v1/out_approval.ts', "// the template's\n");
    template.write('functions/handlers/v1/message.ts', "// the template's\n");
    template.write('functions/handlers/v2/example.ts', "// the template's\n");
    template.write('test/handlers/v1/out_approval.test.ts', "// the template's\n");
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    const after = [project.git('rev-parse', 'HEAD:functions/handlers'), project.git('rev-parse', 'HEAD:test/handlers')];
    expect(after).toEqual(before);
    expect(project.read('functions/handlers/v1/out_approval.ts')).toBe('// mine\n');
  });

  it('rewrites only imports of the template in handlers and their tests', async () => {
    const source =
      "import { onEvent } from '../../../lib/handler.ts';\nimport './own.ts';\n\n// ../../../lib/handler.ts\n";
    project.write('functions/handlers/v2/example.ts', source);
    project.write(
      'test/handlers/v2/example.test.ts',
      `import { run } from "../../../lib/testing/run.ts";\nimport { samplePayload } from '../../../lib/tools/samples.ts';`,
    );
    project.commit('Write a handler');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(code).toBe(0);
    expect(output).toContain('functions/handlers/v2/example.ts: now imports the template by name');
    expect(project.read('functions/handlers/v2/example.ts')).toBe(
      source.replace("'../../../lib/handler.ts'", "'#feishu-events'"),
    );
    expect(project.read('test/handlers/v2/example.test.ts')).toBe(
      `import { run } from "#feishu-events/testing";\nimport { samplePayload } from '#feishu-events/samples';`,
    );
  });

  it('rewrites imports even if the project is up to date, as after an upgrade by an earlier version', async () => {
    project.write('functions/handlers/v2/example.ts', "import { onEvent } from '../../../lib/handler.ts';\n");
    project.commit('Write a handler');
    const first = await project.upgrade('../template');
    expect(first.output).toMatch(/up to date.*example\.ts: now imports the template by name/s);
    expect(project.read('functions/handlers/v2/example.ts')).toBe("import { onEvent } from '#feishu-events';\n");
    expect(project.git('status', '--porcelain')).toBe('');
    const head = project.git('rev-parse', 'HEAD');
    await project.upgrade('../template');
    expect(project.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('keeps a change in another place of a file that the template changed', async () => {
    project.change('lib/worker/retry.ts', 'const BACKOFF_FACTOR = 8;', 'const BACKOFF_FACTOR = 4;');
    project.commit('Retry sooner');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('lib/worker/retry.ts')).toContain('BACKOFF_FACTOR = 4');
  });

  it('lists conflicts and changes nothing', async () => {
    project.change('lib/worker/retry.ts', 'MAXIMUM_DELIVERIES = 5', 'MAXIMUM_DELIVERIES = 9');
    project.write('lib/worker/self-test.ts', '// mine\n');
    project.change('package.json', '"test": "vitest run"', '"test": "vitest run --bail 1"');
    project.commit('Change what the template changes');
    template.change('package.json', '"test": "vitest run"', '"test": "vitest run --passWithNoTests"');
    const latest = releaseSecondVersion();
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('Nothing was changed.');
    const listed = output.split('\n').filter((line) => /^ {2}(lib|package)/.test(line));
    expect(listed).toEqual(['  lib/worker/retry.ts', '  lib/worker/self-test.ts', '  package.json: scripts.test']);
    expect(output).toContain(`git merge ${template.git('rev-parse', '--short', latest)}`);
    expect(code).toBe(1);
    expect(project.state()).toEqual(before);
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 9');
  });

  it('succeeds after a conflict was resolved with the printed commands', async () => {
    project.change('lib/worker/retry.ts', 'MAXIMUM_DELIVERIES = 5', 'MAXIMUM_DELIVERIES = 9');
    project.commit('Retry more often');
    releaseSecondVersion();
    const { output } = await project.upgrade('../template');
    const commands = output.match(/^ {2}git merge .*$/gm) ?? [];
    const [last = ''] = commands.splice(-1);
    for (const command of commands) project.git(...command.trim().split(' ').slice(1));
    expect(() => project.git(...last.trim().split(' ').slice(1))).toThrow();
    expect(project.git('diff', '--name-only', '--diff-filter=U')).toBe('lib/worker/retry.ts');
    project.git('checkout', '--theirs', 'lib/worker/retry.ts');
    project.commit('Merge the second version');
    expect(await project.upgrade('../template')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Already up to date'),
    });
  });

  it('keeps the name, scripts and packages of the project', async () => {
    project.change('package.json', '"name": "feishu-events"', '"name": "our-bot"');
    project.change('package.json', '"start": "', '"greet": "echo hello",\n    "start": "');
    project.change('package.json', '"ws": "', '"aa-package-of-ours": "^2.0.0",\n    "ws": "');
    project.commit('Add a package');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    const manifest = JSON.parse(project.read('package.json'));
    expect(manifest).toMatchObject({
      name: 'our-bot',
      scripts: { greet: 'echo hello' },
      dependencies: { 'aa-package-of-ours': '^2.0.0', 'example-of-the-template': '^1.0.0' },
    });
  });

  it('keeps the README of the project, and prints that', async () => {
    project.write('README.md', 'Our bot.\n');
    project.commit('Describe our bot');
    template.write('README.md', 'A new description of the template.\n');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('README.md: kept yours');
    expect(code).toBe(0);
    expect(project.read('README.md')).toBe('Our bot.\n');
  });

  it('updates the examples, keeps changed ones, and does not bring back removed ones', async () => {
    const [bot, other] = ['examples/bot/functions/bot.ts', 'examples/other/functions/other.ts'];
    for (const file of [bot, other]) template.write(file, '// 1\n');
    template.commit('Add examples');
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    project.write(bot, '// mine\n');
    project.commit('Change an example');
    for (const file of [bot, other]) template.write(file, '// 2\n');
    template.commit('Change the examples');
    const changed = await project.upgrade('../template');
    expect(changed).toMatchObject({ code: 0, output: expect.stringContaining(`${bot}: kept yours`) });
    expect([project.read(bot), project.read(other)]).toEqual(['// mine\n', '// 2\n']);

    project.git('rm', '-r', '--quiet', 'examples');
    project.commit('Remove the examples');
    template.write(other, '// 3\n');
    template.write('examples/new/functions/new.ts', '// 3\n');
    template.commit('Change an example and add one');
    const removed = await project.upgrade('../template');
    expect(removed).toMatchObject({ code: 0, output: expect.not.stringContaining('kept') });
    expect(existsSync(path.join(project.root, 'examples'))).toBe(false);
  });

  it('keeps extensions.yml, even if the template adds something at the same place', async () => {
    const own = `secrets: [OPENAI_API_KEY]
environment: { TABLE: !Ref NotesTable }
vpc: { subnetIds: [subnet-1], securityGroupIds: [sg-1] }
functions: { daily: { handler: functions/daily.handler, events: [{ schedule: rate(1 day) }] } }
resources: { Resources: { NotesTable: { Type: AWS::DynamoDB::Table } } }
`;
    project.write('extensions.yml', own);
    project.commit('Add our table, secret, schedule and VPC');
    const added = 'queues: {}\nvpc: {}\n';
    template.change('extensions.yml', '# Functions of your own', `${added}# Functions of your own`);
    template.change('extensions.yml', 'secrets: []', 'secrets: [] # Changed by the template.');
    template.change('deploy/functions.yml', 'worker:', '# Changed by the template.\nworker:');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(code, output).toBe(0);
    expect(project.read('extensions.yml')).toBe(own);
    expect(project.read('deploy/functions.yml')).toContain('# Changed by the template.');
  });

  it('can be undone with the printed command', async () => {
    releaseSecondVersion();
    const before = project.state();
    const { output } = await project.upgrade('../template');
    expect(project.state()).not.toEqual(before);
    const [, command = ''] = /^Undo: +git (.+)$/m.exec(output) ?? [];
    project.git(...command.split(' '));
    expect(project.state()).toEqual(before);
  });

  it('merges a third version after the second', async () => {
    releaseSecondVersion();
    await project.upgrade('../template');
    project.change('lib/news.ts', 'news = 1', 'news = 1 + 1');
    project.commit('Change the news');
    template.change('lib/worker/retry.ts', 'MAXIMUM_DELIVERIES = 6', 'MAXIMUM_DELIVERIES = 7');
    template.commit('Third version');
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 7');
    expect(project.read('lib/news.ts')).toContain('1 + 1');
    expect(await project.upgrade('../template')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Already up to date'),
    });
  });

  it('rejects uncommitted changes', async () => {
    releaseSecondVersion();
    project.write('lib/worker/retry.ts', '// in progress\n');
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toMatch(/uncommitted changes.*git stash.*\n M lib\/worker\/retry\.ts/);
    expect(code).toBe(2);
    expect(project.state()).toEqual(before);
  });

  it('does not overwrite untracked files', async () => {
    releaseSecondVersion();
    project.write('lib/news.ts', '// mine, not committed\n');
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('lib/news.ts');
    expect(code).toBe(2);
    expect(project.state()).toEqual(before);
    expect(project.read('lib/news.ts')).toBe('// mine, not committed\n');
  });
});

describe('npm run upgrade', () => {
  it('finds the version of a copy whose first commit adds files', async () => {
    const project = copy();
    project.write('NOTES.md', 'Our notes.\n');
    project.git('add', '--all');
    project.git('commit', '--quiet', '--amend', '--message', 'Begin with notes');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('NOTES.md')).toBe('Our notes.\n');
  });

  it('requires --base if it cannot find the version', async () => {
    const project = copy();
    project.change('lib/worker/retry.ts', 'const BACKOFF_FACTOR = 8;', 'const BACKOFF_FACTOR = 4;');
    project.git('add', '--all');
    project.git('commit', '--quiet', '--amend', '--message', 'Begin with a change');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 2, output: expect.stringContaining('--base') });
    expect(await project.upgrade('../template', '--base', firstVersion)).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('lib/worker/retry.ts')).toContain('BACKOFF_FACTOR = 4');
  });

  it('replaces package versions with those the template was tested with, and prints that', async () => {
    const project = clone();
    const version = JSON.parse(project.read('package.json')).dependencies.ws;
    project.change('package.json', `"ws": "${version}"`, '"ws": "^8.99.0"');
    project.commit('Update a package');
    template.change('package.json', `"ws": "${version}"`, '"ws": "^9.0.0"');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain("package.json, dependencies.ws: replaced your version with the template's.");
    expect(code).toBe(0);
    expect(JSON.parse(project.read('package.json')).dependencies.ws).toBe('^9.0.0');
  });

  it.each([
    ['no checkout', [], /Pass one checkout/],
    ['two checkouts', ['a', 'b'], /Pass one checkout/],
    ['a missing folder', ['../nowhere'], /git fetch failed: .*nowhere/],
    ['a version that the template does not have', ['../template', '--base', 'v99'], /no commit v99/],
    ['an unknown option', ['../template', '--force'], /--force/],
  ])('explains what is wrong with %s', async (_, args, message) => {
    const { code, output } = await clone().upgrade(...args);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });
});
