import { DescribeServicesCommand, type ECSClient } from '@aws-sdk/client-ecs';
import { type Finding, ok, plural, problem, skipped } from './finding.ts';

/**
 * Checks that the long connection's ECS tasks are running, and that the app has no other connections.
 *
 * @param countOnline asks the platform for the number of the app's connections; `undefined` without the app's credentials
 */
export async function checkConnection(
  client: ECSClient,
  cluster: string,
  service: string,
  countOnline: (() => Promise<number>) | undefined,
): Promise<Finding | Finding[]> {
  const { services: [found] = [] } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
  if (found === undefined || found.status === 'INACTIVE') {
    return problem("The long connection's ECS service does not exist.", 'Was it deleted manually? Deploy again.');
  }
  const { desiredCount = 0, runningCount = 0, events: [last] = [] } = found;
  if (desiredCount === 0) {
    return problem(
      'The long connection is turned off: the desired count of its ECS service is 0.',
      'Deploy again (npx serverless deploy), or: aws ecs update-service --desired-count 1',
    );
  }
  if (runningCount === desiredCount) {
    const running = ok(`The long connection's task is running (${runningCount})`);
    return countOnline === undefined ? running : [running, await compareOnline(countOnline, runningCount)];
  }
  return problem(
    `The long connection has ${runningCount} of ${desiredCount} tasks running. ${last?.message ?? ''}`.trim(),
    "See the connection's log group. The usual causes are wrong app credentials and a missing network route.",
  );
}

/** Only more connections than tasks are a problem: a task that has just started may not be counted yet. */
async function compareOnline(countOnline: () => Promise<number>, tasks: number): Promise<Finding> {
  let online: number;
  try {
    online = await countOnline();
  } catch (error) {
    return skipped(`The app's connections were not counted: ${error instanceof Error ? error.message : error}`);
  }
  const counted = `The platform counts ${plural(online, 'connection')} of the app`;
  if (online === tasks) return ok(`${counted}, as many as there are tasks`);
  if (online < tasks) return skipped(`${counted}: some of the ${plural(tasks, 'task')} may still be connecting`);
  return problem(
    `${counted}, but this stack has ${plural(tasks, 'task')}.`,
    'More connections than deployed tasks means another process receives events in their place. Stop it: for example ' +
      'npm start -- --long-connection, another stack, or an earlier bot with the same app.',
  );
}
