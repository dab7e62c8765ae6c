declare module 'dynalite' {
  import type { Server } from 'node:http';

  /**
   * @param options `createTableMs`: how long a new table stays in the state CREATING. `path`: the folder of a LevelDB
   *   database (default: in memory)
   */
  export default function dynalite(options?: { createTableMs?: number; path?: string }): Server;
}
