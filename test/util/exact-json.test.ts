import { describe, expect, it } from 'vitest';
import { NestingError, parseBigIntegers, parseExactly } from '../../lib/util/exact-json.ts';

const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

describe('parseExactly', () => {
  it('keeps numbers that JavaScript would round', () => {
    const text = '{"a":[9007199254740993,-90071992547409931,0.10000000000000001,7]}';
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it('preserves JSON of 1,000 levels', () => {
    const text = nested(1_000);
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it.each([
    ['arrays', nested(1_001)],
    ['arrays that would exhaust the stack', nested(50_000)],
    ['objects', `${'{"a":'.repeat(1_001)}1${'}'.repeat(1_001)}`],
    ['unclosed arrays', '['.repeat(3_000_000)],
  ])('rejects more levels of %s', (_, text) => {
    expect(() => parseExactly(text)).toThrow(NestingError);
  });

  it.each([
    ['brackets in strings', `["${'['.repeat(2_000)}","\\\\","${'\\"['.repeat(2_000)}"]`],
    ['many adjacent arrays', `[${Array(5_000).fill('[]').join()}]`],
  ])('does not count %s as levels', (_, text) => {
    expect(parseExactly(text)).toEqual(JSON.parse(text));
  });

  it('throws a SyntaxError for invalid JSON', () => {
    expect(() => parseExactly('"\\'.repeat(200_000))).toThrow(SyntaxError);
  });
});

describe('parseBigIntegers', () => {
  it('returns integers above 2^53 as bigint, and all other values like JSON.parse', () => {
    const text =
      '{"a":[9223372036854775807,-9007199254740993,9007199254740991,0.10000000000000001,1e300,-0],"b":"9223372036854775807"}';
    expect(parseBigIntegers(text)).toEqual({
      a: [9223372036854775807n, -9007199254740993n, 9007199254740991, 0.1, 1e300, -0],
      b: '9223372036854775807',
    });
  });

  it('rejects more than 1,000 levels', () => {
    expect(() => parseBigIntegers(nested(1_001))).toThrow(NestingError);
  });
});
