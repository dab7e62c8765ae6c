import { expect, it } from 'vitest';
import { framesOf } from '../../../../lib/local/inspector/page/stack-frames.ts';

const lines = [
  { stack: 'Error: No menu\n    at handle (menu.ts:1:2)' },
  {},
  { stack: 'Error: Not postponed\n    at postpone (worker.ts:3:4)' },
];

it('The frames below an error are those of its own stack, even if another error was logged later', () => {
  expect(framesOf(lines, 'Error: No menu')).toEqual(['at handle (menu.ts:1:2)']);
});

it('Without a stack of the error, the last one is shown, and without any, none', () => {
  expect(framesOf(lines, 'Error: Timeout')).toEqual(['at postpone (worker.ts:3:4)']);
  expect(framesOf([{}], 'Error: Timeout')).toEqual([]);
});
