// The build replaces this module: see lib/build/client-use.ts.

/** Whether a handler may use the `feishu` client or the official SDK. */
export const USES_CLIENT: boolean = false;
