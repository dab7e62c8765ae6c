import { describe, expect, it } from 'vitest';
import { onCallback, onEvent } from '../../lib/handler.ts';
import { findHandler, type ImportModule } from '../../lib/handler-runtime/find-handler.ts';

const handler = onEvent('im.message.receive_v1', () => {});
const found: ImportModule = async () => ({ default: handler });

describe('A handler module', () => {
  it('is found by the event type', async () => {
    expect(await findHandler(found, 'v2', 'im.message.receive_v1')).toBe(handler);
  });

  it('is undefined if the bundle has no such name', async () => {
    const missing: ImportModule = (type) => {
      throw new Error(`Module not found in bundle: ${type}`);
    };
    expect(await findHandler(missing, 'v2', 'im.message.receive_v1')).toBeUndefined();
  });

  it.each(['../../x', '..', '.hidden', 'a/b', 'a\\b', '%2e%2e/x', 'a b', ''])(
    'is not imported for the type "%s"',
    async (type) => {
      const imported: string[] = [];
      const spy: ImportModule = async (name) => {
        imported.push(name);
        return { default: handler };
      };
      expect(await findHandler(spy, 'v2', type)).toBeUndefined();
      expect(imported).toEqual([]);
    },
  );

  it('must export a handler of its own type and folder', async () => {
    await expect(findHandler(found, 'v2', 'im.chat.updated_v1')).rejects.toThrow('is not a handler for this type');
    await expect(findHandler(found, 'v1', 'im.message.receive_v1')).rejects.toThrow('is not a handler for this type');
    const callback: ImportModule = async () => ({ default: onCallback('card.action.trigger', () => ({})) });
    await expect(findHandler(callback, 'v2', 'card.action.trigger')).rejects.toThrow('is not a handler for this type');
    await expect(findHandler(async () => ({}), 'v2', 'im.message.receive_v1')).rejects.toThrow('is not a handler');
  });

  it('rejects with the error it throws while it loads', async () => {
    const broken: ImportModule = () => Promise.reject(new SyntaxError('broken'));
    await expect(findHandler(broken, 'v2', 'im.message.receive_v1')).rejects.toThrow('broken');
  });
});
