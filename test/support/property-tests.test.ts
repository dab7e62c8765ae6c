import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { createProject, PROJECT_ROOT } from './project.ts';
import { run } from './run.ts';
import { FIXED_SEED, propertyTestFiles } from './vitest-settings.ts';
import { volume } from './volume.ts';

describe('Property tests', () => {
  it('use the seed of the run', () => {
    expect(fc.readConfigureGlobal().seed).toBe(inject('propertySeed'));
  });

  it('do not set their own seed', async () => {
    const files = propertyTestFiles().filter((file) => file !== path.relative(PROJECT_ROOT, import.meta.filename));
    expect(files.length).toBeGreaterThan(5);
    const withSeed = await Promise.all(files.map(async (file) => /\bseed:/.test(await readFile(file, 'utf8'))));
    expect(files.filter((_, index) => withSeed[index])).toEqual([]);
  });

  // Starts Vitest twice.
  it.each(volume({ small: [], full: ['npm run test:properties'] }))(
    'use a random seed in %s, which prints it, and fail the same way when run with it',
    async () => {
      await using project = await createProject();
      for (const name of ['vitest.properties.config.ts', 'test/support']) {
        await cp(path.join(PROJECT_ROOT, name), path.join(project.root, name), { recursive: true });
      }
      await mkdir(path.join(project.root, 'test/example'));
      await writeFile(
        path.join(project.root, 'test/example/number.test.ts'),
        `import fc from 'fast-check';
       import { it } from 'vitest';
       it('is not found', () => fc.assert(fc.property(fc.nat(), (number) => number % 7 !== 3), { endOnFailure: true }));`,
      );
      const runProperties = async (environment: NodeJS.ProcessEnv) => {
        const args = ['run', '--config', 'vitest.properties.config.ts', 'test/example'];
        const { output } = await run(project.root, 'node_modules/vitest/vitest.mjs', args, environment);
        return {
          seed: /SEED=(\d+) npm run test:properties/.exec(output)?.[1],
          counterexample: /Counterexample: (\[\d+\])/.exec(output)?.[1],
        };
      };
      const first = await runProperties({});
      expect(first.counterexample).toBeDefined();
      expect(await runProperties({ SEED: `${first.seed}` })).toEqual(first);
      expect(first.seed).not.toBe(`${FIXED_SEED}`);
    },
  );
});
