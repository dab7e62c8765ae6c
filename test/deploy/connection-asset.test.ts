import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageConnection } from '../../lib/deploy/connection-asset.ts';
import { installPackages } from '../support/packages.ts';
import { createProject } from '../support/project.ts';

describe('The long-connection program', () => {
  it('is one file: a package that may not work there is reported, and a file that a callback handler reads is rejected', async () => {
    await using project = await createProject();
    await installPackages(project.root);
    await mkdir(path.join(project.root, '.serverless'));
    const write = (code: string) =>
      project.writeHandler(
        'callbacks/card.action.trigger.ts',
        `import { onCallback } from '#feishu-events';\n${code}\nexport default onCallback('card.action.trigger', () => ({}));`,
      );
    const packageIt = () => packageConnection(project.root, path.join(project.root, '.build'));

    await write("import { text } from 'reads-common';\nglobalThis.text = text;");
    expect(await packageIt()).toEqual([expect.stringContaining('reads-common (finds files in its own folder)')]);

    await writeFile(path.join(project.root, 'functions/data.txt'), '');
    await write("globalThis.url = new URL('../../data.txt', import.meta.url);");
    await expect(packageIt()).rejects.toThrow(
      'Callback handlers read files, but the long-connection program is deployed as one file: functions/data.txt.',
    );
  });
});
