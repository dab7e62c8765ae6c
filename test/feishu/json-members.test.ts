import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitMembers } from '../../lib/feishu/json-members.ts';
import { runs } from '../support/volume.ts';

describe('splitMembers', () => {
  it.each([
    ['{}', []],
    [' { } ', []],
    ['{"a":1}', [['a', '1']]],
    [' {"a":1} ', [['a', '1']]],
    [
      '{ "a" : 1 ,\n"b" :[ 1, {"c":","} ] }',
      [
        ['a', '1'],
        ['b', '[ 1, {"c":","} ]'],
      ],
    ],
    [
      '{"a":"\\"}","b\\"":"\\\\","c":""}',
      [
        ['a', '"\\"}"'],
        ['b"', '"\\\\"'],
        ['c', '""'],
      ],
    ],
    [
      '{"\\u0074oken":1,"a,:{":2}',
      [
        ['token', '1'],
        ['a,:{', '2'],
      ],
    ],
    [
      '{"n":18446744073709551615,"m":1e999}',
      [
        ['n', '18446744073709551615'],
        ['m', '1e999'],
      ],
    ],
    [
      '{"a":1,"a":2}',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['[{"a":1}]', []],
    ['"{"', []],
  ])('splits %s', (text, expected) => {
    expect(splitMembers(text).map(({ name, value }) => [name, value])).toEqual(expected);
  });

  it('finds the same members as JSON.parse in any object', () => {
    const anyObject = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    const anySpace = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(anyObject, anySpace, (object, space) => {
        const members = splitMembers(JSON.stringify(object, undefined, space));
        expect(members.map(({ name, value }) => [name, JSON.parse(value)])).toEqual(
          Object.entries(JSON.parse(JSON.stringify(object))),
        );
      }),
      { numRuns: runs(2000) },
    );
  });

  it('splits an object that is nested a million levels deep', () => {
    const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
    const [first, second] = splitMembers(`{"deep":${deep},"b":1}`);
    expect(first?.value === deep).toBe(true);
    expect(second).toEqual({ name: 'b', value: '1' });
  });

  it('terminates for text that is not JSON', () => {
    for (const text of ['{"a', '{"a":"', '{"a":"\\"', '{', '{"a":[1'])
      expect(() => splitMembers(text)).not.toThrow(RangeError);
  });
});
