import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitMarkdown, splitText } from '../../lib/messages/split-text.ts';
import { runs } from '../support/volume.ts';

const bytes = (text: string) => Buffer.byteLength(JSON.stringify(text));

describe('A text that is split', () => {
  it.each([
    ['stays whole if it is small', 'Hello', 20, ['Hello']],
    ['ends at a paragraph', 'One two\n\nthree four', 18, ['One two', 'three four']],
    ['ends at a line', 'One two\nthree four', 15, ['One two', 'three four']],
    ['ends at a space', 'One two three', 12, ['One two', 'three']],
    ['ends in a long word', 'abcdefghij', 7, ['abcde', 'fghij']],
    ['keeps characters of two code units', '👋👋👋', 8, ['👋', '👋', '👋']],
    ['keeps a single character that is too long', '👋', 3, ['👋']],
    ['ends at a Chinese sentence', '你好，世界。今天很好。', 22, ['你好，世界。', '今天很好。']],
    ['keeps an emoji of several people', 'a👨‍👩‍👧👨‍👩‍👧', 26, ['a👨‍👩‍👧', '👨‍👩‍👧']],
    ['has no blank part', `a${' '.repeat(30)}b${'\n'.repeat(30)}`, 12, ['a', ' b']],
    ['can be empty', '', 10, ['']],
  ])('%s', (_, text, maximum, parts) => {
    expect(splitText(text, maximum)).toEqual(parts);
  });

  it('loses only spaces and line breaks, and has no part that is too long', () => {
    const words = fc.array(fc.constantFrom('a', 'word', '世界', '👋', '"', ' ', '\n', '\n\n', '\t'), { maxLength: 80 });
    fc.assert(
      fc.property(words, fc.integer({ min: 8, max: 60 }), (list, maximum) => {
        const text = list.join('');
        const parts = splitText(text, maximum);
        expect(parts.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
        for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(maximum);
      }),
      { numRuns: runs(10_000) },
    );
  });
});

describe('Markdown that is split', () => {
  it('closes a code block and opens it again with its language', () => {
    const code = Array.from({ length: 30 }, (_, index) => `const value${index} = ${index};`);
    const parts = splitMarkdown(`Code:\n\`\`\`ts\n${code.join('\n')}\n\`\`\`\nEnd`, 600);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.match(/^```/gm)?.length).toBe(2);
    expect(parts.slice(1).every((part) => part.startsWith('```ts\n'))).toBe(true);
    expect(parts.join('\n').match(/^const value/gm)?.length).toBe(30);
    expect(parts.at(-1)).toMatch(/```\nEnd$/);
  });

  it('does not mistake a shorter fence in a code block for its end', () => {
    const parts = splitMarkdown(`~~~~\n${'~~~\n'.repeat(100)}~~~~`, 400);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect([part.startsWith('~~~~\n'), part.endsWith('~~~~')]).toEqual([true, true]);
  });
});
