declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** @param options `createTableMs`: how long a new table is in the state CREATING */
  export default function dynalite(options?: { createTableMs?: number }): Server;
}
