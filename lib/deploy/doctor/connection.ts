import { DescribeServicesCommand, type ECSClient } from '@aws-sdk/client-ecs';
import { type Finding, ok, problem } from './finding.ts';

/** Checks that the long connection's ECS task is running. */
export async function checkConnection(client: ECSClient, cluster: string, service: string): Promise<Finding> {
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
  if (runningCount === desiredCount) return ok(`The long connection's task is running (${runningCount})`);
  return problem(
    `The long connection has ${runningCount} of ${desiredCount} tasks running. ${last?.message ?? ''}`.trim(),
    "See the connection's log group. The usual causes are wrong app credentials and a missing network route.",
  );
}
