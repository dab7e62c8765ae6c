import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { start } from '../support/run.ts';
import { volume } from '../support/volume.ts';
import { wait } from '../support/wait.ts';
import { commandsOf, readDocuments } from './document.ts';

const COMMANDS = [...new Set(readDocuments().flatMap(commandsOf))];

/** Commands that another file runs. The file must contain the words. */
const RUN_ELSEWHERE: [command: RegExp, file: string, words: (command: string) => string][] = [
  [
    /^npm run test:(faults|deploy|python|go|browser)$/,
    'vitest.long.config.ts',
    (command) => `'${command.split(':')[1]}'`,
  ],
  [/^npm run test:properties$/, 'test/support/property-tests.test.ts', () => 'vitest.properties.config.ts'],
  [/^npm (ci|test)$|^npm run (demo|check|audit|test:\w+)$|^npx serverless package$/, '.ci/run', (command) => command],
  [/^\.ci\/run$/, '.ci/run', () => '#!/usr/bin/env bash'],
  [/^npm run format$/, 'package.json', () => 'biome check --write .'],
  [/^npm run screenshots$/, 'test/local/inspector/screenshots.browser-test.ts', (command) => command],
  [/^npm run debug$/, 'test/local/debugging.long.test.ts', (command) => command],
  [/^npm start$/, 'test/local/start.test.ts', () => "'lib/local/start.ts'"],
  [/^npm start -- --long-connection$/, 'test/local/start-connected.long.test.ts', () => "'--long-connection'"],
  [/^npm start -- (--long-connection )?--record\b/, 'test/local/recording/record.long.test.ts', () => "'--record'"],
  [/^npm (run upgrade -- \.\.\/feishu-events|install)$|^git clone /, 'test/tools/upgrade.test.ts', () => 'npm install'],
  [/^npm run setup\b/, 'test/tools/setup/command.test.ts', () => "'lib/tools/setup.ts'"],
  [/^npm run app -- /, 'test/tools/app.test.ts', (command) => `'${command.split(' ')[4]}'`],
  [
    /^npx serverless deploy --param configureApp=true$/,
    'test/deploy/configure-app.deploy.ts',
    () => "'configureApp=true'",
  ],
  [/^npx serverless app /, 'test/deploy/configure-app.test.ts', () => 'npx serverless app'],
  [/^npm run new -- --example /, 'test/tools/example/copy-example.test.ts', () => 'listExamples(PROJECT_ROOT)'],
  [
    /^npx node test\/(assistant|approval-flow|files-to-s3)\//,
    'test/examples/examples.long.test.ts',
    (command) => command.slice('npx node '.length),
  ],
  [/^npm run (new|send|upgrade)$/, 'package.json', (command) => `"${command.split(' ').at(-1)}": "node`],
  [
    /^npx vitest run test\/samples\/samples\.test\.ts --update$/,
    'test/samples/samples.test.ts',
    () => 'toMatchFileSnapshot',
  ],
  [/^npm run (bench|compare)\b/, 'test/tools/help.test.ts', () => "['--help']"],
  [/^npx vitest (run )?test\/handlers\b/, 'test/documents/examples.test.ts', () => 'vitest.mjs'],
  [/^node test\/bench\/simulation\/measure\.ts$/, 'test/bench/simulation/measure.ts', () => 'measured.json'],
  // These download from a package registry.
  [/^npm ci --ignore-scripts$/, 'lib/cli/node-version.cjs', () => '--ignore-scripts'],
  [/^npm rebuild node |^pnpm approve-builds$/, 'lib/cli/node-version.cjs', (command) => command],
  [
    /^git checkout <commit>$|^npx serverless rollback$/,
    'test/deploy/rollback.long.test.ts',
    (command) => command.replace('npx ', ''),
  ],
  [
    /^git (merge|checkout --theirs -- serverless\.yml|show HEAD:serverless\.yml)$/,
    'test/deploy/upgrade.long.test.ts',
    (command) => command.split(' ').at(-1) as string,
  ],
  [/^(npx serverless|npm run doctor|aws) /, 'test/deploy/documents.deploy.ts', (command) => command],
];

/** Commands that need a running `npm start`, change the project or need a function: this test runs them. */
const RUN_HERE = /^npm run (send|new|invoke) -- (?!--example)/;

describe('The commands in the documents', () => {
  const elsewhere = COMMANDS.filter((command) => !RUN_HERE.test(command));

  it.each(elsewhere)('%s is run by a test', (command) => {
    const [, file, words] = RUN_ELSEWHERE.find(([pattern]) => pattern.test(command)) ?? [];
    if (file === undefined || words === undefined)
      throw new Error('No test runs this command. Add one, and list it in RUN_ELSEWHERE.');
    expect(readFileSync(path.join(PROJECT_ROOT, file), 'utf8')).toContain(words(command));
  });

  // Starts as many processes as there are commands.
  it.each(volume({ small: [], full: ['send events, write handlers or run functions'] }))(
    'that %s succeed',
    async () => {
      await using project = await createProject();
      const [example] = readDocuments().flatMap(({ name, codeBlocks }) =>
        name === 'docs/deploying.md' ? codeBlocks.filter(({ lang }) => lang === 'yaml') : [],
      );
      await writeFile(path.join(project.root, 'extensions.yml'), example?.text ?? '');
      await writeFile(path.join(project.root, 'functions/reminder.ts'), 'export const handler = async () => {};\n');
      await using stack = start(project.root, 'lib/local/start.ts', [], { PORT: '0' });
      await vi.waitFor(() => expect(stack.output()).toContain('is ready'), wait);
      const [url = ''] = /http:\S+\/feishu\/events/.exec(stack.output()) ?? [];
      await vi.waitFor(() => expect(stack.output()).toContain('Scheduled  reminder '), wait);
      const here = COMMANDS.filter((command) => RUN_HERE.test(command));
      expect(here.length).toBeGreaterThan(3);
      for (const file of here.flatMap((command) => /--file (\S+)/.exec(command)?.[1] ?? [])) {
        await mkdir(path.dirname(path.join(project.root, file)), { recursive: true });
        await writeFile(path.join(project.root, file), '{"uuid":"u-1","token":"","event":{"type":"message"}}');
      }
      for (const command of here) {
        // Several commands write the same handler, and none overwrites a file.
        await rm(path.join(project.root, 'functions/handlers/v2/im.chat.member.bot.added_v1.ts'), { force: true });
        await rm(path.join(project.root, 'test'), { recursive: true, force: true });
        // Replace the placeholder of the reader's URL.
        const filled = command.replace(/https:\/\/…\S*/, url);
        const { status, stdout, stderr } = spawnSync('bash', ['-c', filled], {
          cwd: project.root,
          env: { ...process.env, PORT: new URL(url).port },
          encoding: 'utf8',
        });
        expect(status, `${filled}\n${stdout}${stderr}`).toBe(0);
      }
    },
  );
});
