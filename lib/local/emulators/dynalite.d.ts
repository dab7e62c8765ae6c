declare module 'dynalite' {
  import type { Server } from 'node:http';

  /**
   * @param options `createTableMs`: how long a new table is in the state CREATING. `path`: the folder of a LevelDB
   *   database, instead of memory
   */
  export default function dynalite(options?: { createTableMs?: number; path?: string }): Server;
}
