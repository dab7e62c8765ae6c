import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { projectWithFunctions } from './project-with-functions.ts';

describe('npm run invoke', () => {
  const project = projectWithFunctions();

  it('runs a function without a schedule with an empty event', async () => {
    expect(await project.invoke('report')).toMatchObject({ code: 0, output: expect.stringMatching(/ ms:\n\{\}\n$/) });
  });

  it('prints the API calls that it does not send without app credentials', async () => {
    const { code, output } = await project.invoke('reminder', '--data', '{"call":true}');
    expect(output).toContain('Would have sent: POST /open-apis/im/v1/messages?receive_id_type=chat_id {');
    expect(code).toBe(0);
  });

  it('reads the event from a file or the standard input', async () => {
    await writeFile(path.join(project.root, 'event.json'), '{"from":"file"}');
    expect(await project.invoke('report', '--data', '@event.json')).toMatchObject({
      code: 0,
      output: expect.stringContaining('"from": "file"'),
    });
    const program = path.join(project.root, 'lib/tools/invoke.ts');
    const child = spawn(process.execPath, [program, 'report', '--data', '@-'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.end('{"from":"input"}');
    expect(JSON.parse(await readText(child.stdout))).toEqual({ from: 'input' });
  });
});
