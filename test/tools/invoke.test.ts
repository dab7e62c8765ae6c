import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { projectWithFunctions } from './project-with-functions.ts';

describe('npm run invoke', () => {
  const project = projectWithFunctions();

  it('runs a scheduled function with the event of its schedule, and separates logs from the result', async () => {
    const program = path.join(project.root, 'lib/tools/invoke.ts');
    const child = spawn(process.execPath, [program, 'reminder'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [[code], result, log] = await Promise.all([
      once(child, 'close'),
      readText(child.stdout),
      readText(child.stderr),
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(result)).toMatchObject({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
    expect(log).toMatch(/^Not set, because only a deployment determines their values: TABLE\./);
    expect(log).toContain('    | a log line\n');
    expect(log).toMatch(/^reminder returned after \d+ ms:$/m);
  });

  it('exits with 1 if the function fails', async () => {
    const { code, output } = await project.invoke('reminder', '--data', '{"fail":true}');
    expect(output).toMatch(
      /^reminder failed after \d+ ms: Error: The database is down\n.*functions\/reminder\.ts:5:\d+\)?$/m,
    );
    expect(code).toBe(1);
  });

  it.each<[string, string[], string[]]>([
    [
      'an unknown function',
      ['remindr'],
      [
        'There is no function "remindr". Available functions:',
        '  reminder   rate(6 hours)   cron(0 8 * * ? *)',
        '  report\n  log        rate(1 day)',
      ],
    ],
    ['no function', [], ['Pass the name of a function.', 'Usage: npm run invoke', '  reminder']],
    ['two functions', ['reminder', 'report'], ['Pass one function, not reminder report.']],
    ['the worker', ['worker'], ["worker processes the platform's events.", 'npm run send -- im.message.receive_v1']],
    ['the webhook', ['webhook'], ["webhook processes the platform's events."]],
    ['data that is not JSON', ['report', '--data', '{'], ['The event is not valid JSON: ']],
    ['a missing file', ['report', '--data', '@no.json'], ['Cannot read the event: ENOENT']],
  ])('exits with 2 for %s', async (_, args, texts) => {
    const { code, output } = await project.invoke(...args);
    for (const text of texts) expect(output).toContain(text);
    expect(code).toBe(2);
  });
});
