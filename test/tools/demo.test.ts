import { describe, expect, it } from 'vitest';
import { createProject } from '../support/project.ts';
import { run } from '../support/run.ts';

describe('npm run demo', () => {
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
