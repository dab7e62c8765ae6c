import { describe, expect, it } from 'vitest';
import { DEVELOPER_AWS_SETTINGS } from '../support/developer-aws-settings.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';

describe('npm run demo', () => {
  it("passes with a developer's AWS settings in the environment", async () => {
    const { code, output } = await run(PROJECT_ROOT, 'lib/tools/demo.ts', [], DEVELOPER_AWS_SETTINGS);
    expect(output).not.toContain('✗');
    expect(code).toBe(0);
  });

  it('fails and prints the failed step if a handler does not work', async () => {
    await using project = await createProject();
    const source = `import { onCallback } from '#feishu-events';
      export default onCallback('card.action.trigger', () => undefined);`;
    await project.writeHandler('callbacks/card.action.trigger.ts', source);
    const { code, output } = await run(project.root, 'lib/tools/demo.ts');
    expect(output).toContain('✗ A card click gets an immediate response');
    expect(output).toContain('✓ A message that is delivered twice is handled once');
    expect(output).toContain('Failed steps: 1.');
    expect(code).toBe(1);
  });
});
