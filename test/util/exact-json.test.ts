import { describe, expect, it } from 'vitest';
import { NestingError, parseExactly } from '../../lib/util/exact-json.ts';

const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

describe('parseExactly', () => {
  it('keeps numbers that JavaScript would round', () => {
    const text = '{"a":[9007199254740993,-90071992547409931,0.10000000000000001,7]}';
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it('takes JSON of 1,000 levels, and writes it back', () => {
    const text = nested(1_000);
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it.each([
    ['arrays', nested(1_001)],
    ['arrays beyond what the stack holds', nested(50_000)],
    ['objects', `${'{"a":'.repeat(1_001)}1${'}'.repeat(1_001)}`],
    ['what does not end', '['.repeat(3_000_000)],
  ])('rejects more levels of %s', (_, text) => {
    expect(() => parseExactly(text)).toThrow(NestingError);
  });

  it.each([
    ['brackets in strings', `["${'['.repeat(2_000)}","\\\\","${'\\"['.repeat(2_000)}"]`],
    ['many lists side by side', `[${Array(5_000).fill('[]').join()}]`],
  ])('counts no level for %s', (_, text) => {
    expect(parseExactly(text)).toEqual(JSON.parse(text));
  });

  it('says of what is not JSON that it is not', () => {
    expect(() => parseExactly('"\\'.repeat(200_000))).toThrow(SyntaxError);
  });
});
