import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from './support/project.ts';

const LINES = 3000;

// Far more than a pipe holds. The standard output is made non-blocking first, as a handler's own use of it makes it.
const PROGRAM = `
  import { writeLine } from './lib/log.ts';
  process.stdout.write('');
  for (let line = 0; line < ${LINES}; line++) writeLine({ line, padding: '世'.repeat(500) });
  process.stderr.write('written');
`;

test('on Lambda, no line is lost, torn or out of order when nobody reads them for a while', async () => {
  const program = spawn(process.execPath, ['--input-type=module-typescript', '--eval', PROGRAM], {
    cwd: PROJECT_ROOT,
    env: { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(program.stderr, 'data');
  const lines: number[] = [];
  for await (const line of createInterface({ input: program.stdout })) lines.push(JSON.parse(line).line);
  expect(lines).toEqual(Array.from({ length: LINES }, (_, index) => index));
});
