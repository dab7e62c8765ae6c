import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';

const { scripts } = JSON.parse(readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
/** The scripts that run the template's own programs. */
const PROGRAMS = Object.entries<string>(scripts).flatMap(([name, command]) => {
  const [, program] = /^node --require \S+ (\S+\.ts)$/.exec(command) ?? [];
  return program === undefined ? [] : [{ name, program }];
});

describe.each(PROGRAMS)('npm run $name', ({ name, program }) => {
  it('prints its usage and exit codes', async () => {
    const { code, output } = await run(PROJECT_ROOT, program, ['--help']);
    expect(output).toMatch(new RegExp(`^Usage: npm (run )?${name}\\b`));
    expect(output).toMatch(/^(Exits|Ends) with 0 /m);
    expect(code).toBe(0);
  });

  it('rejects an unknown option and prints its usage', async () => {
    const { code, output } = await run(PROJECT_ROOT, program, ['--no-such-option']);
    expect(output).toContain("'--no-such-option'");
    expect(output).toContain(`Usage: npm`);
    expect(code).toBeGreaterThan(0);
  });
});
