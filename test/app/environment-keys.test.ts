import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { environmentKeys } from '../../lib/app/environment-keys.ts';

it('keeps everything else in .env, which only its owner can read afterwards', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-env-'));
  const file = path.join(folder.path, '.env');
  await writeFile(file, '# Mine\nFEISHU_ENCRYPT_KEY=old # the key\nOTHER="a\nb"\n', { mode: 0o644 });
  const keys = environmentKeys(folder.path, {});
  await keys.write({ FEISHU_ENCRYPT_KEY: 'new,old', FEISHU_KEY_ROTATION: 'sending' });
  expect(await readFile(file, 'utf8')).toBe(
    '# Mine\nFEISHU_ENCRYPT_KEY=new,old # the key\nOTHER="a\nb"\nFEISHU_KEY_ROTATION=sending\n',
  );
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await keys.read()).toMatchObject({ FEISHU_ENCRYPT_KEY: 'new,old', FEISHU_KEY_ROTATION: 'sending' });
});

it('does not write keys that the environment would override', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-env-'));
  const keys = environmentKeys(folder.path, { FEISHU_ENCRYPT_KEY: 'exported' });
  expect(await keys.read()).toMatchObject({ FEISHU_ENCRYPT_KEY: 'exported' });
  await expect(keys.write({ FEISHU_ENCRYPT_KEY: 'new' })).rejects.toThrow(
    'FEISHU_ENCRYPT_KEY is set in the environment, which takes precedence over .env. Unset it first.',
  );
});
