// The build replaces this module with the names of the project's handler modules: see lib/build/handler-names.ts. In code
// that is not bundled, such as tests, there are none.

/** The modules in `functions/handlers`, for example `v2/im.message.receive_v1`. */
export const HANDLER_MODULES: readonly string[] = [];

/** The modules in `functions/handlers/callbacks`, for example `card.action.trigger`. */
export const CALLBACK_MODULES: readonly string[] = [];
