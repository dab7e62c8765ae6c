import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Repository, upgradeRepositories } from './upgrade-repositories.ts';

const { template, clone, copy, releaseSecondVersion } = upgradeRepositories();

describe.each([
  ['a clone', clone],
  ['a copy without history', copy],
])('npm run upgrade in %s', (_, createProject) => {
  let project: Repository;
  beforeEach(() => {
    project = createProject();
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
    const firstVersion = template.git('rev-parse', 'HEAD');
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
});
