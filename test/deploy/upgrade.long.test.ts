import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProject, type Project } from './support/project.ts';
import { run, runOrThrow } from './support/run.ts';

// A project with a table, a secret, a schedule and a VPC is upgraded, and packaged with them.

/** What `npm run upgrade` compares. */
const FILES = ['deploy', 'functions', 'lib', 'package.json', 'serverless.yml'];
const GIT = {
  PATH: process.env.PATH ?? '',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
};
const VPC = '{ securityGroupIds: [sg-1], subnetIds: [subnet-1] }';
const TABLE = `NotesTable:
  Type: AWS::DynamoDB::Table
  Properties:
    BillingMode: PAY_PER_REQUEST
    AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
    KeySchema: [{ AttributeName: id, KeyType: HASH }]
`;
const DAILY = `daily:
  handler: functions/daily.handler
  events: [{ schedule: rate(1 day) }]
`;
const EXTENSIONS = `secrets: [OPENAI_API_KEY]
vpc: ${VPC}
functions:
${indent(DAILY, 2)}resources:
  Resources:
${indent(TABLE, 4)}`;

let project: Project;
/** A checkout of the template. */
let template: string;
beforeEach(async () => {
  project = await createProject();
  template = await mkdtemp(path.join(tmpdir(), 'feishu-events-template-'));
});
afterEach(async () => {
  await project.remove();
  await rm(template, { recursive: true });
});

function indent(text: string, spaces: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(spaces));
}

/** Returns a variable of the framework that inserts a file, or a section of it. */
const include = (file: string, section = '') => `\${file(${file})${section}}`;

const git = (folder: string, ...args: string[]) => runOrThrow('git', args, { cwd: folder, environment: GIT });
const readFrom = (folder: string, name: string) => readFile(path.join(folder, name), 'utf8');

async function commit(folder: string, message: string) {
  await git(folder, 'add', '--all');
  await git(folder, 'commit', '--quiet', '--message', message);
}

/** Replaces a text that the file must contain. */
async function change(folder: string, name: string, from: string, to: string): Promise<void> {
  const text = await readFrom(folder, name);
  expect(text, name).toContain(from);
  await writeFile(
    path.join(folder, name),
    text.replace(from, () => to),
  );
}

/** Creates repositories of the template and the project, with the files that are now in the project's folder. */
async function begin(files: string[]): Promise<void> {
  for (const name of files) await cp(path.join(project.folder, name), path.join(template, name), { recursive: true });
  for (const folder of [template, project.folder]) {
    await git(folder, 'init', '--quiet', '--initial-branch=main');
    await mkdir(path.join(folder, '.git/info'), { recursive: true });
    await writeFile(path.join(folder, '.git/info/exclude'), 'node_modules\n.serverless\n.build\n');
    // Other messages, because equal commits in the same second would be one commit.
    await commit(folder, folder === template ? 'First version' : 'Begin');
  }
}

async function addDailyFunction(): Promise<void> {
  await writeFile(path.join(project.folder, 'functions/daily.ts'), 'export const handler = async () => {};\n');
}

const upgrade = () =>
  run(process.execPath, ['lib/tools/upgrade.ts', template], { cwd: project.folder, environment: GIT });

async function expectOwnPartsPackaged(): Promise<void> {
  const { Resources } = await project.package();
  expect(Resources.NotesTable).toMatchObject({ Type: 'AWS::DynamoDB::Table' });
  expect(Resources.DailyLambdaFunction).toBeDefined();
  expect(Object.values(Resources)).toContainEqual(
    expect.objectContaining({
      Type: 'AWS::Events::Rule',
      Properties: expect.objectContaining({ ScheduleExpression: 'rate(1 day)' }),
    }),
  );
  expect(Resources.WorkerLambdaFunction?.Properties).toMatchObject({
    VpcConfig: { SecurityGroupIds: ['sg-1'], SubnetIds: ['subnet-1'] },
    Environment: { Variables: { OPENAI_API_KEY: expect.stringContaining('{{resolve:secretsmanager:') } },
  });
}

test('An upgrade does not conflict with extensions.yml, and keeps its parts, even if the template adds the same', async () => {
  await begin([...FILES, 'extensions.yml']);
  await addDailyFunction();
  await writeFile(path.join(project.folder, 'extensions.yml'), EXTENSIONS);
  await commit(project.folder, 'Add our table, secret, schedule and VPC');

  await change(template, 'extensions.yml', 'secrets: []', 'secrets: []\n\n# A VPC.\nvpc:');
  await change(template, 'extensions.yml', 'resources: {}', 'resources: {} # Changed by the template.');
  await change(template, 'deploy/functions.yml', 'worker:\n', 'worker:\n  tags: { version: second }\n');
  const own = `  - ${include('extensions.yml', ':resources, null')}\n`;
  await change(template, 'serverless.yml', own, `  - ${include('deploy/news.yml')}\n${own}`);
  await writeFile(path.join(template, 'deploy/news.yml'), 'Resources:\n  NewsTopic: { Type: AWS::SNS::Topic }\n');
  await commit(template, 'Second version');

  const { code, output } = await upgrade();
  expect(code, output).toBe(0);
  expect(await readFrom(project.folder, 'extensions.yml')).toBe(EXTENSIONS);
  await expectOwnPartsPackaged();
  const { Resources } = await project.template();
  expect(Resources.NewsTopic).toBeDefined();
  expect(Resources.WorkerLambdaFunction?.Properties?.Tags).toEqual([{ Key: 'version', Value: 'second' }]);
});

test('Parts in serverless.yml of a version without extensions.yml conflict, and the message says how to move them', async () => {
  await rebuildVersionWithoutExtensions();
  await begin(FILES);
  await addDailyFunction();
  await change(project.folder, 'serverless.yml', '  worker:\n', `  worker:\n    vpc: ${VPC}\n`);
  const table = '      CLAIMS_TABLE: !Ref ClaimsTable\n';
  await change(project.folder, 'serverless.yml', table, `${table}      OPENAI_API_KEY: from our own secret\n`);
  await change(project.folder, 'serverless.yml', '\nresources:\n', `\n${indent(DAILY, 2)}\nresources:\n`);
  const own = `  - Resources:\n${indent(TABLE, 6)}`;
  await writeFile(
    path.join(project.folder, 'serverless.yml'),
    `${await readFrom(project.folder, 'serverless.yml')}${own}`,
  );
  await commit(project.folder, 'Add our table, secret, schedule and VPC');
  const before = await git(project.folder, 'rev-parse', 'HEAD');

  const current = await createProject();
  for (const name of [...FILES, 'extensions.yml']) {
    await cp(path.join(current.folder, name), path.join(template, name), { recursive: true });
  }
  await current.remove();
  await commit(template, 'Second version');

  const { code, output } = await upgrade();
  expect(code, output).toBe(1);
  expect(output).toMatch(/Nothing was changed\. Both this project and the template changed:\n {2}serverless\.yml\n\n/);
  expect(output).toContain('git checkout --theirs -- serverless.yml, and move them: see docs/upgrading.md');
  expect(await git(project.folder, 'rev-parse', 'HEAD')).toBe(before);
  expect(await git(project.folder, 'status', '--porcelain')).toBe('');

  const merges = [...output.matchAll(/^ {2}git (merge .*)$/gm)].map(([, command = '']) => command.split(' '));
  expect(merges).toHaveLength(2);
  for (const args of merges) await run('git', args, { cwd: project.folder, environment: GIT });
  expect((await git(project.folder, 'diff', '--name-only', '--diff-filter=U')).trim()).toBe('serverless.yml');
  expect(await git(project.folder, 'show', 'HEAD:serverless.yml')).toContain('NotesTable:');
  await git(project.folder, 'checkout', '--theirs', '--', 'serverless.yml');
  await writeFile(path.join(project.folder, 'extensions.yml'), EXTENSIONS);
  await commit(project.folder, 'Merge the second version');
  expect((await upgrade()).output).toContain('Already up to date');
  await expectOwnPartsPackaged();
});

/** Gives the project's folder the layout of the version before `extensions.yml`: one file contained everything. */
async function rebuildVersionWithoutExtensions(): Promise<void> {
  const { folder } = project;
  const inline = async (name: string, spaces: number) => `\n${indent(await readFrom(folder, name), spaces).trimEnd()}`;
  await change(
    folder,
    'serverless.yml',
    ` ${include('deploy/parameters.yml')}`,
    await inline('deploy/parameters.yml', 4),
  );
  await change(folder, 'serverless.yml', ` ${include('deploy/custom.yml')}`, await inline('deploy/custom.yml', 2));
  await change(
    folder,
    'serverless.yml',
    `\n  - ${include('deploy/functions.yml')}`,
    await inline('deploy/functions.yml', 2),
  );
  await change(folder, 'serverless.yml', `\n  - ${include('extensions.yml', ':functions, null')}`, '');
  await change(folder, 'serverless.yml', `\n  - ${include('extensions.yml', ':resources, null')}`, '');
  for (const name of ['extensions.yml', ...['parameters', 'custom', 'functions'].map((part) => `deploy/${part}.yml`)]) {
    await rm(path.join(folder, name));
  }
}
