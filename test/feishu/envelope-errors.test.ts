import { describe, expect, it } from 'vitest';
import { isOldCard, parseEnvelope, tryParseJsonObject } from '../../lib/feishu/envelope.ts';
import { FeishuError } from '../../lib/feishu/errors.ts';

function errorOf(text: string): FeishuError {
  try {
    parseEnvelope(text);
  } catch (error) {
    if (error instanceof FeishuError) return error;
    throw error;
  }
  throw new Error('The text is an envelope');
}

describe('The error of a body', () => {
  it.each([
    ['not JSON', '{', 'FEISHU_BODY_NOT_JSON', 'not valid JSON'],
    ['not an object', '[]', 'FEISHU_BODY_NOT_JSON', 'not a JSON object'],
    ['a URL verification without a challenge', '{"type":"url_verification"}', 'FEISHU_ENVELOPE_UNKNOWN', 'challenge'],
    ['a v2.0 event without a type', '{"schema":"2.0"}', 'FEISHU_ENVELOPE_UNKNOWN', 'header.event_type'],
    ['no event', '{}', 'FEISHU_ENVELOPE_UNKNOWN', 'event.type'],
  ])('that is %s says so', (_, text, code, what) => {
    const error = errorOf(text);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(what);
    expect(error.cause).toBeUndefined();
    expect(error.message).toMatch(/^The body is/);
  });
});

describe('An old card callback', () => {
  const card = { action: {}, open_message_id: 'om_1' };

  it.each([
    [true, card],
    [false, { ...card, header: {} }],
    [false, { ...card, event: {} }],
    [false, { ...card, action: 'click' }],
    [false, { ...card, open_message_id: '' }],
  ])('is recognized by its fields: %s for %j', (expected, body) => {
    expect(isOldCard(body)).toBe(expected);
  });
});

describe('A text', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['[]', undefined],
    ['null', undefined],
    ['{', undefined],
  ])('%s is parsed only if it is a JSON object', (text, expected) => {
    expect(tryParseJsonObject(text)).toEqual(expected);
  });
});
