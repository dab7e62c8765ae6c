import type { EventContext } from '../handler.ts';
import { STATE_STORE, type StateStore } from './state-store.ts';
import { openStateTable } from './state-table.ts';

/** What the state needs of a handler's context. A test passes its store. */
export type StateContext = Pick<EventContext, 'header' | 'signal' | 'attempt'> & {
  readonly [STATE_STORE]?: StateStore;
};

let table: StateStore | undefined;

/** @throws {Error} if the function has no table of states */
export function openStore({ [STATE_STORE]: testStore }: StateContext): StateStore {
  if (testStore !== undefined) return testStore;
  table ??= openStateTable(process.env);
  return table;
}
