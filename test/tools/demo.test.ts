import { describe, expect, it } from 'vitest';
import { createProject } from '../support/project.ts';
import { run } from '../support/run.ts';

describe('npm run demo', () => {
  it('fails, and says what did not happen, when a handler does not do its part', async () => {
    await using project = await createProject();
    const source = `import { onCallback } from '#feishu-events';
      export default onCallback('card.action.trigger', () => undefined);`;
    await project.writeHandler('callbacks/card.action.trigger.ts', source);
    const { code, output } = await run(project.root, 'lib/tools/demo.ts');
    expect(output).toContain('✗ A card click is answered while the person waits');
    expect(output).toContain('✓ The same message, delivered again, has no second effect');
    expect(output).toContain('Failed steps: 1.');
    expect(code).toBe(1);
  });
});
