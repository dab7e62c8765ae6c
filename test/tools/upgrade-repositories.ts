import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';

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
export class Repository {
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

/** Creates the template for each test of a file. A project that a test creates is next to it. */
export function upgradeRepositories() {
  const folder = path.join(tmpdir(), `feishu-events-upgrade-${randomUUID()}`);
  const template = new Repository(path.join(folder, 'template'));
  const project = new Repository(path.join(folder, 'project'));
  // Created once and copied for each test, which is faster than committing the files again.
  const original = path.join(tmpdir(), `feishu-events-upgrade-original-${randomUUID()}`);

  beforeAll(() => {
    createOriginals(new Repository(path.join(original, 'template')), new Repository(path.join(original, 'project')));
  });
  afterAll(() => rmSync(original, { recursive: true }));

  beforeEach(() => cpSync(path.join(original, 'template'), template.root, { recursive: true }));
  afterEach(() => rmSync(folder, { recursive: true }));

  return {
    template,
    /** Creates a project by cloning the template. */
    clone(): Repository {
      template.git('clone', '--quiet', template.root, project.root);
      return project;
    },
    /** Creates a project from the files only, like "Use this template" or a download. */
    copy(): Repository {
      cpSync(path.join(original, 'project'), project.root, { recursive: true });
      return project;
    },
    releaseSecondVersion: () => releaseSecondVersion(template),
  };
}

function createOriginals(template: Repository, project: Repository): void {
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
  template.commit('First version');
  cpSync(template.root, project.root, {
    recursive: true,
    filter: (source) => source !== path.join(template.root, '.git'),
  });
  project.git('init', '--quiet', '--initial-branch=main');
  project.commit('Begin');
}

function releaseSecondVersion(template: Repository): string {
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
