import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProject, type Project } from '../deploy/support/project.ts';

describe('serverless package', () => {
  const IMPORT = "import { onEvent } from '#feishu-events';\n";
  let project: Project;
  beforeAll(async () => {
    project = await createProject();
  });
  afterAll(() => project.remove());
  const write = (name: string, source: string) =>
    writeFile(path.join(project.folder, 'functions/handlers', name), IMPORT + source);

  it('warns about a handler that it cannot check and packages it', async () => {
    await write(
      'v2/im.chat.updated_v1.ts',
      "if (!process.env.KEY) throw new Error('KEY is not set');\nexport default onEvent('im.chat.updated_v1', () => {});",
    );
    const { code, output } = await project.serverless('package');
    expect(output).toContain('functions/handlers/v2/im.chat.updated_v1.ts could not be checked');
    expect(output).toContain('KEY is not set');
    expect(code).toBe(0);
  });

  it('rejects a handler whose type differs from its file name', async () => {
    await write('v2/im.chat.updated_v1.ts', "export default onEvent('im.chat.disbanded_v1', () => {});");
    const { code, output } = await project.serverless('package');
    expect(output).toContain('handles "im.chat.disbanded_v1"');
    expect(code).not.toBe(0);
  });
});
