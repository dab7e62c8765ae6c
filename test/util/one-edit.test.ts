import { expect, it } from 'vitest';
import { isOneEditApart } from '../../lib/util/one-edit.ts';

it.each([
  ['a missing character', 'im.message.receiv_v1'],
  ['an added character', 'im.message.receivee_v1'],
  ['an added character at the start', 'xim.message.receive_v1'],
  ['a replaced character', 'im.message.receive_v2'],
  ['two swapped characters', 'im.message.recieve_v1'],
  ['a missing character at the end', 'im.message.receive_v'],
])('%s is one edit', (_, other) => {
  expect(isOneEditApart('im.message.receive_v1', other)).toBe(true);
  expect(isOneEditApart(other, 'im.message.receive_v1')).toBe(true);
});

it.each([
  ['no difference', 'im.message.receive_v1'],
  ['two replaced characters', 'im.message.receive_w2'],
  ['two missing characters', 'im.message.receive_'],
  ['two characters swapped over a third', 'im.message.reciexve_v1'],
  ['nothing in common', ''],
])('%s is not one edit', (_, other) => {
  expect(isOneEditApart('im.message.receive_v1', other)).toBe(false);
  expect(isOneEditApart(other, 'im.message.receive_v1')).toBe(false);
});
