import { describe, expect, it } from 'vitest';
import { toEntry, toPrintable, toSingleLine } from '../../lib/util/printable.ts';

const FORGED = 'feishu-events is ready: POST https://example.com';

describe('text of an event in a terminal', () => {
  it.each([
    ['line breaks', '\r\u0085\u2028\u2029\v\f', '\\u000d\\u0085\\u2028\\u2029\\u000b\\u000c'],
    ['terminal control characters', '\u001b[2J\u009b2J\u0007\b', '\\u001b[2J\\u009b2J\\u0007\\u0008'],
    ['characters that change the writing direction', '\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
  ])('has %s escaped', (_, text, expected) => {
    expect(toPrintable(text)).toBe(expected);
    expect(toEntry(text)).toBe(expected);
    expect(toSingleLine(text)).toBe(expected);
  });

  it('is otherwise unchanged', () => {
    const text = '你好, 世界 👩‍👩‍👧 "é" \\ a\tb';
    expect(toPrintable(text)).toBe(text);
    expect(toEntry(text)).toBe(text);
  });

  it('is marked from its second line', () => {
    expect(toEntry(`200: a\n${FORGED}\n\n`)).toBe(`200: a\n    | ${FORGED}\n    | \n    | `);
    expect(toEntry(`200: a\r\n${FORGED}`)).toBe(`200: a\\u000d\n    | ${FORGED}`);
  });

  it('can be forced onto one line', () => {
    expect(toSingleLine(`a\n${FORGED}\tb`)).toBe(`a ${FORGED} b`);
  });
});
