/** The path of the webhook: serverless.yml has the same one. */
export const WEBHOOK_PATH = '/feishu/events';
