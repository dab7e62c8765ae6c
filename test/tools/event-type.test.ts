import { distance } from 'fastest-levenshtein';
import { describe, expect, it, vi } from 'vitest';
import { SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import { suggestEventTypes } from '../../lib/samples/suggest-event-types.ts';
import { findEventType, formatEventTypes } from '../../lib/tools/event-type.ts';

// Spies on the real function.
vi.mock(import('fastest-levenshtein'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, distance: vi.fn(original.distance) };
});

describe('suggestEventTypes', () => {
  it.each([
    ['two letters in the wrong order', 'im.message.recieve_v1', ['im.message.receive_v1']],
    ['another version', 'im.message.receive_v2', ['im.message.receive_v1']],
    ['no version', 'im.message.receive', ['im.message.receive_v1']],
    ['only the end', 'bot.menu_v6', ['application.bot.menu_v6']],
    ['capitals', 'Card.Action.Trigger', ['card.action.trigger', 'card.action.trigger_v1']],
    ['a missing letter in v1.0', 'out_aproval', ['out_approval']],
    ['a name unlike any type', 'zzzzzzzz', []],
    ['an empty name', '', []],
  ])('suggests types for %s', (_, typed, types) => {
    expect(suggestEventTypes(typed)).toEqual(types);
  });

  it('does not compare a name that is too long for any type', () => {
    vi.mocked(distance).mockClear();
    expect(suggestEventTypes(`${'im.message.receive_v1'.repeat(10_000)}`)).toEqual([]);
    expect(suggestEventTypes('x'.repeat(200_000))).toEqual([]);
    expect(distance).not.toHaveBeenCalled();
  });

  it('suggests at most three types', () => {
    expect(suggestEventTypes('vc.meeting')).toHaveLength(3);
  });

  it('finds every type if two of its letters are transposed', () => {
    const transposed = (type: string) => type.slice(0, -5) + type.at(-4) + type.at(-5) + type.slice(-3);
    const isAnother = (type: string) => SAMPLE_TYPES.some((sample) => sample.type === transposed(type));
    const types = SAMPLE_TYPES.map(({ type }) => type).filter((type) => type.length > 5 && !isAnother(type));
    const missed = types.filter((type) => suggestEventTypes(transposed(type))[0] !== type);
    expect(missed).toEqual([]);
  });
});

describe('findEventType', () => {
  it('finds a type', () => {
    expect(findEventType('out_approval', '')).toMatchObject({ version: '1.0', isCallback: false });
  });

  it('suggests similar types for a mistyped one, followed by the advice', () => {
    expect(() => findEventType('im.message.recieve_v1', 'Look at the list.')).toThrow(
      'There is no event type "im.message.recieve_v1". Did you mean im.message.receive_v1?\nLook at the list.',
    );
  });
});

describe('formatEventTypes', () => {
  it('lists every type once, with its variants', () => {
    const lines = formatEventTypes('').split('\n');
    const types = lines.filter((line) => line.startsWith('  ')).map((line) => line.trim().split(' ')[0]);
    expect(types.toSorted()).toEqual(SAMPLE_TYPES.map(({ type }) => type).toSorted());
    expect(lines).toContain('  url.preview.get');
    expect(lines).toContain('  approval_instance   --as pending, approved, rejected, canceled');
  });

  it('lists types that contain a part', () => {
    expect(formatEventTypes('bot.menu')).toBe('v2.0 events\n  application.bot.menu_v6');
    expect(formatEventTypes('nowhere')).toBe('');
  });
});
