import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MockPlatform } from '../../lib/mock-platform/mock-platform.ts';
import { createSample, SAMPLE_TYPES } from '../../lib/samples/samples.ts';
import { runs } from '../support/volume.ts';

it('Every sample can be received', () => {
  const { state } = receiveAll(
    SAMPLE_TYPES.flatMap(({ type, version, variants }) =>
      (variants.length > 0 ? variants : [undefined]).map((variant) =>
        createSample(type, { version, token: undefined, ...(variant !== undefined && { variant }) }),
      ),
    ),
  );
  const types = new Set(state.messages().map(({ messageType }) => messageType));
  expect([...types]).toEqual(expect.arrayContaining(['text', 'post', 'image', 'interactive', 'merge_forward']));
});

it('No event makes the mock platform fail, because anyone can send one through a tunnel', () => {
  const part = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom('', 'om_1', 'oc_1', 'ou_1', 'ou_', 'c-1', 'img_1', 'p2p'),
  );
  const fields = (...names: string[]) =>
    fc.record(Object.fromEntries(names.map((name) => [name, part])), { requiredKeys: [] });
  const message = fields(
    'message_id',
    'parent_id',
    'root_id',
    'thread_id',
    'chat_id',
    'chat_type',
    'content',
    'mentions',
  );
  const event = fc.record(
    {
      message: fc.oneof(message, part),
      sender: fc.oneof(fc.record({ sender_id: fc.oneof(fields('open_id'), part) }), part),
      context: fc.oneof(fields('open_message_id', 'open_chat_id'), part),
      action: fc.oneof(fields('tag'), part),
      token: part,
      chat_id: part,
      open_message_id: part,
    },
    { requiredKeys: [] },
  );
  const property = fc.property(fc.oneof(event, part), (each) => {
    receiveAll([JSON.stringify({ event: each }), JSON.stringify(each)]);
  });
  fc.assert(property, { numRuns: runs(2000) });
});

it('Text that is not JSON is ignored', () => {
  expect(receiveAll(['', '{', `{"event":${'['.repeat(50_000)}`]).state.messages()).toEqual([]);
});

function receiveAll(texts: readonly string[]): MockPlatform {
  const platform = new MockPlatform();
  for (const text of texts) platform.receive(text);
  return platform;
}
