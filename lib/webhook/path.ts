/** The path of the webhook, which serverless.yml repeats. */
export const WEBHOOK_PATH = '/feishu/events';
