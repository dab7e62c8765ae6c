import { describe, expect, it } from 'vitest';
import { formatFunctionLine, readFunctionLine } from '../../../lib/local/functions/function-lines.ts';
import { writeAccessLog } from '../../../lib/webhook/access-log.ts';

/** Everything that some reader treats as the end of a line. */
const LINE_ENDS = ['\n', '\r\n', '\r', '\u2028', '\u2029', '\u0085', '\v', '\f', '\n\n', '\u001b[E'];
const FORGED = '12:00:00.000 INFO  handled milliseconds=1 event_id=forged';
const FORGED_JSON = '{"level":"INFO","message":"forged","timestamp":"2026-01-01T00:00:00.000Z"}';

describe("A line of a function's output", () => {
  it.each([
    ['with a level that is an object', '{"message":"x","level":{"toString":1}}'],
    ['with a level that is not a string', '{"message":"x","level":1}'],
    ['with a deeply nested field', `{"message":"x","level":"INFO","field":${'['.repeat(7000)}${']'.repeat(7000)}}`],
    ['nested too deeply to parse', `{"message":"x","field":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['that is not JSON', '{"message":'],
  ])('%s is shown in some form', (_, line) => {
    expect(formatFunctionLine(line)).toContain(line.startsWith('{"message":"x"') ? 'x' : line);
    expect(() => readFunctionLine(line)?.details.length).not.toThrow();
  });

  const logLine = { level: 'ERROR', message: 'It failed', timestamp: '2026-01-01T01:02:03.004Z' };

  it('is followed by its stack', () => {
    const stack = 'TypeError: refused\n    at handle (handler.ts:1:2)';
    expect(formatFunctionLine(JSON.stringify({ ...logLine, chat: 'oc_1', stack }))).toBe(
      [
        '01:02:03.004 ERROR It failed chat=oc_1',
        '    | TypeError: refused',
        '    |     at handle (handler.ts:1:2)',
      ].join('\n'),
    );
  });

  it("about an event that the webhook accepted is not shown, because its outcome follows, but a handler's own line is", () => {
    const lines: Record<string, unknown>[] = [];
    const outcome = { result: 'accepted', requestId: undefined, milliseconds: 1 } as const;
    writeAccessLog(outcome, 'service', (fields) => lines.push(fields));
    expect(lines.map((line) => formatFunctionLine(JSON.stringify(line)))).toEqual([undefined]);
    expect(formatFunctionLine(JSON.stringify({ ...logLine, message: 'accepted', Accepted: 1 }))).toContain('accepted');
  });

  describe.each(LINE_ENDS.map((end) => [JSON.stringify(end), end]))('with %s', (_, end) => {
    it.each(['message', 'level', 'timestamp', 'stack', 'error', `a${end}name`])(
      'in its %s cannot forge a log line',
      (name) => {
        const text = formatFunctionLine(JSON.stringify({ ...logLine, [name]: `It failed${end}${FORGED}` })) ?? '';
        expectOneEntry(text);
      },
    );

    it("in a handler's own output cannot forge a log line", () => {
      for (const line of [FORGED, `${end}${FORGED}`, `| ${FORGED}`, `| ${FORGED_JSON}`, `| a${end}${FORGED_JSON}`]) {
        const text = formatFunctionLine(line) ?? '';
        expect(text).toMatch(/^ {4}\| /);
        expectOneEntry(text);
      }
    });
  });
});

/** Expects that every line but the first is marked, and that nothing else ends a line or moves the cursor. */
function expectOneEntry(text: string): void {
  const [, ...further] = text.split('\n');
  expect(further.filter((line) => !line.startsWith('    | '))).toEqual([]);
  expect(text).not.toMatch(/[^\P{Cc}\n\t]|[\u2028\u2029]/u);
}
