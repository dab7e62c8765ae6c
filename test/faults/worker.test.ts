import { afterAll, beforeAll, expect, it } from 'vitest';
import { judge } from './oracle.ts';
import { messageEvent, type System, startSystem } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system[Symbol.asyncDispose]());

it('slice', async () => {
  const event = messageEvent('oc_1');
  system.dynamo.decide = ({ operation }) => {
    if (operation !== 'UpdateItem' || system.worker.started > 1) return undefined;
    return { before: () => system.worker.kill(event.id), lose: 'cut' };
  };
  await system.push(event).settled;
  const verdict = await judge(system);
  expect(verdict).toEqual({ acknowledged: [event.id], lost: [], doubled: [], dead: [], deadThoughHandled: [] });
  expect(system.worker.started).toBe(2);
  expect(system.api.repeated).toBe(1);
});
