import { expect, it } from 'vitest';
import answer from './imported-files/answer.wasm';
import markdown from './imported-files/greeting.md';
import text from './imported-files/greeting.txt';

// packages.test.ts tests the same imports in a bundle.
it('A module can import text and WebAssembly in tests', () => {
  expect(markdown).toBe('# Greeting\n\nHello 你好\n');
  expect(text).toBe('Hello\n');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(answer));
  expect((exports.answer as () => number)()).toBe(42);
});
