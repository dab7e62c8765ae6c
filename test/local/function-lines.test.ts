import { describe, expect, it } from 'vitest';
import { formatFunctionLine, readFunctionLine } from '../../lib/local/function-lines.ts';

describe('A line that a function wrote', () => {
  it.each([
    ['with a level that is an object', '{"message":"x","level":{"toString":1}}'],
    ['with a level that is no string', '{"message":"x","level":1}'],
    ['with a field nested deeply', `{"message":"x","level":"INFO","field":${'['.repeat(7000)}${']'.repeat(7000)}}`],
    ['nested too deeply to be read', `{"message":"x","field":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['that is no JSON', '{"message":'],
  ])('%s is shown in some form', (_, line) => {
    expect(formatFunctionLine(line)).toContain(line.startsWith('{"message":"x"') ? 'x' : line);
    expect(() => readFunctionLine(line)?.details.length).not.toThrow();
  });
});
