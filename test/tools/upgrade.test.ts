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

/** A repository to change files in. */
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
  /** What a failed or undone upgrade leaves as it was. */
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
  for (const name of [
    'functions',
    'lib',
    'deploy',
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

/** As most do it. */
function clone(): Repository {
  template.git('clone', '--quiet', template.root, path.join(folder, 'project'));
  return new Repository(path.join(folder, 'project'));
}

/** As "Use this template" and downloads do it: the history begins with the files. */
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
  template.change('functions/worker.ts', '/** Works the events queue.', '/** Works the queue of events.');
  template.change('deploy/queues.yml', 'Resources:', '# Queues.\nResources:');
  template.write('lib/news.ts', 'export const news = 1;\n');
  template.write(HANDLER, '// The template has another echo now.\n');
  template.git('rm', '--quiet', 'lib/worker/self-test.ts');
  template.change('package.json', '"ws": "', '"example-of-the-template": "^1.0.0",\n    "ws": "');
  template.write('package-lock.json', '{ "lockfileVersion": 3 }\n');
  return template.commit('Second version');
}

const PROJECTS: [kind: string, create: () => Repository][] = volume({
  small: [['a copy without the history', copy]],
  full: [
    ['a clone', clone],
    ['a copy without the history', copy],
  ],
});

describe.each(PROJECTS)('npm run upgrade in %s', (_, createProject) => {
  let project: Repository;
  beforeEach(() => {
    project = createProject();
  });

  it('takes over what the template has changed, added and removed', async () => {
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('Upgraded from');
    expect(output).toContain('npm install && npm run check && npm test');
    expect(code).toBe(0);
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('functions/worker.ts')).toContain('Works the queue of events.');
    expect(project.read('deploy/queues.yml')).toContain('# Queues.');
    expect(project.read('lib/news.ts')).toBe('export const news = 1;\n');
    expect(existsSync(path.join(project.root, 'lib/worker/self-test.ts'))).toBe(false);
    expect(project.read('package.json')).toBe(template.read('package.json'));
    expect(project.read('package-lock.json')).toBe(template.read('package-lock.json'));
    expect(project.git('status', '--porcelain')).toBe('');
  });

  it('leaves the handlers and their tests alone', async () => {
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

  it('rewrites the imports of the template in handlers and their tests, and nothing else of them', async () => {
    const old =
      "import { onEvent } from '../../../lib/handler.ts';\nimport './own.ts';\n\n// ../../../lib/handler.ts\n";
    project.write('functions/handlers/v2/ours.ts', old);
    project.write(
      'test/handlers/v2/ours.test.ts',
      `import { run } from "../../../lib/testing/run.ts";\nimport { samplePayload } from '../../../lib/tools/samples.ts';`,
    );
    project.commit('Write a handler');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(code).toBe(0);
    expect(output).toContain('functions/handlers/v2/ours.ts: imports the template by its names');
    expect(project.read('functions/handlers/v2/ours.ts')).toBe(
      old.replace("'../../../lib/handler.ts'", "'#feishu-events'"),
    );
    expect(project.read('test/handlers/v2/ours.test.ts')).toBe(
      `import { run } from "#feishu-events/testing";\nimport { samplePayload } from '#feishu-events/samples';`,
    );
  });

  it('rewrites them too when there is nothing newer, as after an upgrade by an earlier version', async () => {
    project.write('functions/handlers/v2/ours.ts', "import { onEvent } from '../../../lib/handler.ts';\n");
    project.commit('Write a handler');
    const first = await project.upgrade('../template');
    expect(first.output).toMatch(/nothing newer.*ours\.ts: imports the template by its names/s);
    expect(project.read('functions/handlers/v2/ours.ts')).toBe("import { onEvent } from '#feishu-events';\n");
    expect(project.git('status', '--porcelain')).toBe('');
    const head = project.git('rev-parse', 'HEAD');
    await project.upgrade('../template');
    expect(project.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('keeps a change at another place of a file that the template has changed', async () => {
    project.change('lib/worker/retry.ts', 'const BACKOFF_FACTOR = 8;', 'const BACKOFF_FACTOR = 4;');
    project.commit('Come back sooner');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('lib/worker/retry.ts')).toContain('BACKOFF_FACTOR = 4');
  });

  it('stops at conflicts, lists them, and changes nothing', async () => {
    project.change('lib/worker/retry.ts', 'MAXIMUM_DELIVERIES = 5', 'MAXIMUM_DELIVERIES = 9');
    project.write('lib/worker/self-test.ts', '// mine\n');
    project.change('package.json', '"test": "vitest run"', '"test": "vitest run --bail 1"');
    project.commit('Change what the template will change');
    template.change('package.json', '"test": "vitest run"', '"test": "vitest run --passWithNoTests"');
    const theirs = releaseSecondVersion();
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('Nothing was changed.');
    const listed = output.split('\n').filter((line) => /^ {2}(lib|package)/.test(line));
    expect(listed).toEqual(['  lib/worker/retry.ts', '  lib/worker/self-test.ts', '  package.json: scripts.test']);
    expect(output).toContain(`git merge ${template.git('rev-parse', '--short', theirs)}`);
    expect(code).toBe(1);
    expect(project.state()).toEqual(before);
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 9');
  });

  it('succeeds after a conflict was merged by hand with the commands that it names', async () => {
    project.change('lib/worker/retry.ts', 'MAXIMUM_DELIVERIES = 5', 'MAXIMUM_DELIVERIES = 9');
    project.commit('Try more often');
    releaseSecondVersion();
    const { output } = await project.upgrade('../template');
    const commands = output.match(/^ {2}git merge .*$/gm) ?? [];
    const [last = ''] = commands.splice(-1);
    for (const command of commands) project.git(...command.trim().split(' ').slice(1));
    expect(() => project.git(...last.trim().split(' ').slice(1))).toThrow();
    expect(project.git('diff', '--name-only', '--diff-filter=U')).toBe('lib/worker/retry.ts');
    project.git('checkout', '--theirs', 'lib/worker/retry.ts');
    project.commit('Take over the second version');
    expect(await project.upgrade('../template')).toMatchObject({
      code: 0,
      output: expect.stringContaining('There is nothing newer'),
    });
  });

  it('keeps the packages, scripts and the name of the project', async () => {
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

  it('keeps a README of its own, and says so', async () => {
    project.write('README.md', 'Our bot.\n');
    project.commit('Describe our bot');
    template.write('README.md', 'The template, described anew.\n');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain('README.md: yours stays');
    expect(code).toBe(0);
    expect(project.read('README.md')).toBe('Our bot.\n');
  });

  it('is undone by the command that it names', async () => {
    releaseSecondVersion();
    const before = project.state();
    const { output } = await project.upgrade('../template');
    expect(project.state()).not.toEqual(before);
    const [, command = ''] = /^Undo: +git (.+)$/m.exec(output) ?? [];
    project.git(...command.split(' '));
    expect(project.state()).toEqual(before);
  });

  it('takes over a third version after the second', async () => {
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
      output: expect.stringContaining('There is nothing newer'),
    });
  });

  it('refuses while there are changes that are not committed', async () => {
    releaseSecondVersion();
    project.write('lib/worker/retry.ts', '// under way\n');
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toMatch(/not committed.*git stash.*\n M lib\/worker\/retry\.ts/);
    expect(code).toBe(2);
    expect(project.state()).toEqual(before);
  });

  it('overwrites no file that Git does not know', async () => {
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
  it('finds the version of a copy whose first commit has files of its own', async () => {
    const project = copy();
    project.write('NOTES.md', 'Ours.\n');
    project.git('add', '--all');
    project.git('commit', '--quiet', '--amend', '--message', 'Begin with notes');
    releaseSecondVersion();
    expect(await project.upgrade('../template')).toMatchObject({ code: 0 });
    expect(project.read('lib/worker/retry.ts')).toContain('MAXIMUM_DELIVERIES = 6');
    expect(project.read('NOTES.md')).toBe('Ours.\n');
  });

  it('asks for the version where it cannot be told, and takes it', async () => {
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

  it('takes the packages that its code was tested with, and says so', async () => {
    const project = clone();
    const version = JSON.parse(project.read('package.json')).dependencies.ws;
    project.change('package.json', `"ws": "${version}"`, '"ws": "^8.99.0"');
    project.commit('Update a package');
    template.change('package.json', `"ws": "${version}"`, '"ws": "^9.0.0"');
    releaseSecondVersion();
    const { code, output } = await project.upgrade('../template');
    expect(output).toContain("package.json, dependencies.ws: the template's version, instead of yours.");
    expect(code).toBe(0);
    expect(JSON.parse(project.read('package.json')).dependencies.ws).toBe('^9.0.0');
  });

  it.each([
    ['no checkout', [], /Give one checkout/],
    ['two checkouts', ['a', 'b'], /Give one checkout/],
    ['a folder that is none', ['../nowhere'], /git fetch failed: .*nowhere/],
    ['a version that the template does not have', ['../template', '--base', 'v99'], /no commit v99/],
    ['an unknown option', ['../template', '--force'], /--force/],
  ])('says what is wrong with %s', async (_, args, message) => {
    const { code, output } = await clone().upgrade(...args);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });
});
