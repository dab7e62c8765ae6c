import { expect, it } from 'vitest';
import { createLazyObject } from '../../lib/util/lazy-object.ts';

class Counter {
  #count = 0;
  readonly step: number;
  /** A function with members, like an HTTP client. */
  readonly log = Object.assign((text: string) => `logged ${text}`, { level: 'info' });
  note?: string;

  constructor(step = 1) {
    this.step = step;
  }

  get count(): number {
    return this.#count;
  }

  set count(count: number) {
    this.#count = count;
  }

  add(): number {
    this.#count += this.step;
    return this.#count;
  }
}

const lazyCounter = () => createLazyObject(() => new Counter(2));

it('is created once, on first use', () => {
  let created = 0;
  const lazy = createLazyObject(() => {
    created += 1;
    return new Counter();
  });
  expect(created).toBe(0);
  lazy.add();
  expect([lazy.add(), created]).toEqual([2, 1]);
});

it('is created again on the next use if creating it failed', () => {
  let isReady = false;
  const lazy = createLazyObject(() => {
    if (!isReady) throw new Error('not ready');
    return new Counter();
  });
  expect(() => lazy.step).toThrow('not ready');
  expect(() => 'step' in lazy).toThrow('not ready');
  isReady = true;
  expect(lazy.step).toBe(1);
});

it('has methods and accessors that reach private members, however they are called', () => {
  const lazy = lazyCounter();
  const { add } = lazy;
  expect([lazy.add(), add(), add.call({} as Counter), lazy.count]).toEqual([2, 4, 6, 6]);
  lazy.count = 10;
  expect([lazy.add(), lazy.count]).toEqual([12, 12]);
  expect(lazy.add).toBe(add);
});

it('does not bind functions in own properties', () => {
  const lazy = lazyCounter();
  expect([lazy.log('text'), lazy.log.level]).toEqual(['logged text', 'info']);
  expect(lazy.log).toBe(lazy.log);
});

it('has the class, the prototype and the properties of the real object', () => {
  const lazy = lazyCounter();
  expect(lazy).toBeInstanceOf(Counter);
  expect(Object.getPrototypeOf(lazy)).toBe(Counter.prototype);
  expect(lazy.constructor).toBe(Counter);
  expect(Object.keys(lazy)).toEqual(['step', 'log', 'note']);
  expect({ ...lazy }).toEqual({ step: 2, log: lazy.log, note: undefined });
  expect(['step' in lazy, 'add' in lazy, 'subtract' in lazy]).toEqual([true, true, false]);
  expect([Object.hasOwn(lazy, 'step'), Object.hasOwn(lazy, 'add')]).toEqual([true, false]);
});

it('applies changes to the real object', () => {
  let counter: Counter | undefined;
  const lazy = createLazyObject(() => {
    counter = new Counter();
    return counter;
  });
  lazy.note = 'a';
  expect(counter?.note).toBe('a');
  expect(Reflect.deleteProperty(lazy, 'note')).toBe(true);
  expect([counter && 'note' in counter, 'note' in lazy]).toEqual([false, false]);
  Object.defineProperty(lazy, 'note', { value: 'b', configurable: true });
  expect([counter?.note, lazy.note]).toEqual(['b', 'b']);
  const replacement = () => 7;
  lazy.add = replacement;
  expect([lazy.add(), counter?.add, lazy.add]).toEqual([7, replacement, replacement]);
});

it('cannot be frozen', () => {
  const lazy = lazyCounter();
  expect(() => Object.preventExtensions(lazy)).toThrow(TypeError);
  expect(Object.isExtensible(lazy)).toBe(true);
});
