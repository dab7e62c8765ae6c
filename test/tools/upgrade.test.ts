import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { volume } from '../support/volume.ts';
import { type Repository, upgradeRepositories } from './upgrade-repositories.ts';

// upgrade.long.test.ts tests rarer files and versions.

const { template, clone, copy, releaseSecondVersion } = upgradeRepositories();

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

  it('rejects uncommitted changes', async () => {
    releaseSecondVersion();
    project.write('lib/worker/retry.ts', '// in progress\n');
    const before = project.state();
    const { code, output } = await project.upgrade('../template');
    expect(output).toMatch(/uncommitted changes.*git stash.*\n M lib\/worker\/retry\.ts/);
    expect(code).toBe(2);
    expect(project.state()).toEqual(before);
  });
});

describe('npm run upgrade', () => {
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
