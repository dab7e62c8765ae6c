import { Drop, RetryAfter } from '../../lib/handler.ts';

/** Throws `undefined`, which has no message to read. */
function throwUndefined(): never {
  throw undefined;
}

/** A Proxy handler that makes every operation throw. */
const allTraps = new Proxy(
  {},
  { get: (_, trap) => (typeof trap === 'string' ? throwUndefined : undefined) },
) as ProxyHandler<object>;

const throwing = (target: object, ...names: string[]) =>
  Object.defineProperties(
    target,
    Object.fromEntries(names.map((name) => [name, { enumerable: true, configurable: true, get: throwUndefined }])),
  );

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

class ThrowingMessage extends Error {
  override get message(): string {
    return throwUndefined();
  }
}

/** Named values that a handler may throw, return or log. */
export const hostileValues: [name: string, value: unknown][] = [
  ['a Proxy whose traps all throw', new Proxy({}, allTraps)],
  ['a Proxy of an Error whose traps all throw', new Proxy(new Error('failed'), allTraps)],
  ['a Proxy of a function whose traps all throw', new Proxy(() => {}, allTraps)],
  ['a Proxy of a list whose traps all throw', new Proxy([], allTraps)],
  ['a revoked Proxy', revokedProxy()],
  ['an object whose prototype is a Proxy whose traps all throw', Object.create(new Proxy({}, allTraps))],
  ['an object whose getters throw', throwing({}, 'name', 'message', 'stack', 'cause', 'toJSON', 'then', 'response')],
  ['an object whose toJSON throws', { toJSON: throwUndefined }],
  ['an Error whose message throws', new ThrowingMessage()],
  ['an Error whose getters throw', throwing(new Error('failed'), 'name', 'message', 'stack', 'cause', 'response')],
  ['an Error whose message and stack are objects', Object.assign(new Error(), { message: { a: 1 }, stack: { a: 1 } })],
  ['an Error whose name is a symbol', Object.assign(new Error('failed'), { name: Symbol('name') })],
  ['a Drop whose message throws', throwing(new Drop('not for us'), 'message')],
  ['a RetryAfter whose seconds throw', throwing(new RetryAfter(1, 'later'), 'seconds')],
  ['a RetryAfter whose seconds are not a number', Object.assign(new RetryAfter(1, 'later'), { seconds: 'soon' })],
  ['null', null],
  ['undefined', undefined],
  ['a symbol', Symbol('failed')],
  ['a bigint', 1n],
  ['a function', () => {}],
  ['a string', 'failed'],
];
