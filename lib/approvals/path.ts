/** The path of the modules in `functions/handlers/approvals`. The name of the module follows. */
export const APPROVALS_PATH = '/feishu/approvals/';
