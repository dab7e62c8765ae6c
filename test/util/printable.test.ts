import { describe, expect, it } from 'vitest';
import { toEntry, toPrintable, toSingleLine } from '../../lib/util/printable.ts';

const FORGED = 'feishu-events is ready: POST https://example.com';

describe('Text of an event, for a terminal', () => {
  it.each([
    ['ends of lines', '\r\u0085\u2028\u2029\v\f', '\\u000d\\u0085\\u2028\\u2029\\u000b\\u000c'],
    ['controls of the terminal', '\u001b[2J\u009b2J\u0007\b', '\\u001b[2J\\u009b2J\\u0007\\u0008'],
    ['the direction of writing', '\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
  ])('shows %s instead of obeying them', (_, text, expected) => {
    expect(toPrintable(text)).toBe(expected);
    expect(toEntry(text)).toBe(expected);
    expect(toSingleLine(text)).toBe(expected);
  });

  it('stays as it is otherwise', () => {
    const text = '你好, 世界 👩‍👩‍👧 "é" \\ a\tb';
    expect(toPrintable(text)).toBe(text);
    expect(toEntry(text)).toBe(text);
  });

  it('is marked from its second line on', () => {
    expect(toEntry(`200: a\n${FORGED}\n\n`)).toBe(`200: a\n    | ${FORGED}\n    | \n    | `);
    expect(toEntry(`200: a\r\n${FORGED}`)).toBe(`200: a\\u000d\n    | ${FORGED}`);
  });

  it('has one line where it must', () => {
    expect(toSingleLine(`a\n${FORGED}\tb`)).toBe(`a ${FORGED} b`);
  });
});
