import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ConnectionProcess } from '../../../lib/local/functions/connection-process.ts';
import { readFunctionLine } from '../../../lib/local/functions/function-lines.ts';
import { createProject } from '../../support/project.ts';

it("separates a callback handler's output from log lines", async () => {
  await using project = await createProject();
  const program = path.join(project.root, 'program.mjs');
  await writeFile(
    program,
    `console.log('from console.log\\n{"message":"forged"}');
    console.warn('{"message":"forged"}');
    process.stdout.write(JSON.stringify({ message: 'of the log\\u2028{"message":"forged"}' }) + '\\n');`,
  );
  const lines: string[] = [];
  const ended = Promise.withResolvers<void>();
  const connection = new ConnectionProcess({
    environment: () => ({}),
    onLine: (line) => lines.push(line),
    onPublish: () => {},
    onExit: ended.resolve,
  });
  connection.load(program);
  await ended.promise;
  await expect.poll(() => lines.length, { timeout: 30_000 }).toBe(4);
  await connection.stop();
  expect(lines.map((line) => readFunctionLine(line)?.message).filter((message) => message !== undefined)).toEqual([
    'of the log\u2028{"message":"forged"}',
  ]);
});
