import { describe, expect, it } from 'vitest';
import { type JsonNode, readBlocks } from '../../../../lib/local/inspector/page/json-blocks.ts';

const linesOf = (node: JsonNode): string[] =>
  typeof node === 'string' ? [node] : [node.start, ...node.nodes.flatMap(linesOf), node.end];

describe('JSON', () => {
  it('is divided into its objects and lists', () => {
    const json = JSON.stringify({ a: { b: [1, {}], c: [] }, d: '{' }, null, 2);
    expect(readBlocks(json)).toEqual([
      {
        start: '{',
        nodes: [
          {
            start: '  "a": {',
            nodes: [{ start: '    "b": [', nodes: ['      1,', '      {}'], end: '    ],' }, '    "c": []'],
            end: '  },',
          },
          '  "d": "{"',
        ],
        end: '}',
      },
    ]);
  });

  it.each([
    ['nested deeply', `${'[\n'.repeat(5000)}1${'\n]'.repeat(5000)}`],
    ['cut off', '{\n  "a": [\n    1'],
    ['closed too often', '1\n}\n]\n}'],
    ['no JSON', 'text\n\n{'],
  ])('that is %s keeps all lines', (_, json) => {
    const lines = readBlocks(json).flatMap(linesOf);
    expect(lines.filter((line) => line !== '')).toEqual(json.split('\n').filter((line) => line !== ''));
  });
});
