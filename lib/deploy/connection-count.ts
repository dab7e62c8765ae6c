/**
 * The platform's limit of long connections per app.
 *
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
 */
export const MAXIMUM_CONNECTIONS = 50;

/**
 * Returns how many tasks ECS may run during a deployment, in percent of their number. New tasks start before old ones stop,
 * up to twice their number, but there are never more than {@link MAXIMUM_CONNECTIONS}.
 *
 * ECS rounds the maximum down and the minimum up.
 *
 * @param count the number of tasks, from 1 to {@link MAXIMUM_CONNECTIONS}
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
 */
export function deploymentPercentages(count: number): { maximum: number; minimumHealthy: number } {
  const maximum = Math.min(200, Math.floor((MAXIMUM_CONNECTIONS * 100) / count));
  const canStartOneMore = Math.floor((count * maximum) / 100) > count;
  // Without room for another task, one must stop before a new one starts.
  return { maximum, minimumHealthy: canStartOneMore ? 100 : Math.floor(((count - 1) * 100) / count) };
}
