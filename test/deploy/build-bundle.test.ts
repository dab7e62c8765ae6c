import { expect, it } from 'vitest';
import { buildBundle } from '../../lib/deploy/build-bundle.ts';

const stdin = (contents: string) =>
  ({ stdin: { contents, sourcefile: 'handler.ts' }, write: false, metafile: true }) as const;

it('returns the result of the build', async () => {
  const { metafile } = await buildBundle(stdin('export default 1'));
  expect(Object.keys(metafile.inputs)).toEqual(['handler.ts']);
});

it('names the position and the source line of each error, without a stack', async () => {
  const failing = buildBundle({ ...stdin('log(;\n'), logLevel: 'silent' });
  // The framework prints a stack for other names.
  await expect(failing).rejects.toMatchObject({ name: 'ServerlessError' });
  await expect(failing).rejects.toThrow(
    /^The functions could not be built\.\n\n.*Unexpected ";"\n\n {4}handler\.ts:1:4:\n.*log\(;/,
  );
});
