import { oldEventSeconds, visibilityTimeoutSeconds } from '../build/worker-timeout.ts';
import { deploymentPercentages } from './connection-count.ts';
import { fargateZonesOf } from './fargate-zones.ts';
import type { DeployOptions } from './options.ts';
import type { TemplateValues } from './resolve-template.ts';

/**
 * Returns the conditions and values that follow from the parameters and the region.
 *
 * @param options `approvals`: whether the stack has the function of that name. `state`: whether it has the table of states
 * @param secrets the value of each `!Ref Secret::…`
 * @param isSpotDeployed the deployed long connection may run on Fargate Spot
 */
export function templateValues(
  options: DeployOptions & { approvals: boolean; state: boolean },
  region: string,
  secrets: Readonly<Record<string, unknown>>,
  isSpotDeployed: boolean,
): TemplateValues {
  const [zoneA, zoneB] = fargateZonesOf(region) ?? [];
  const percentages = deploymentPercentages(options.connectionCount);
  return {
    conditions: {
      Webhook: options.webhook,
      Approvals: options.approvals,
      State: options.state,
      LongConnection: options.longConnection,
      Ordered: options.ordering !== 'none',
      AlarmEmail: options.alarmEmail !== '',
      NoEventsAlarm: options.noEventsAlarmHours > 0,
      Spot: options.connectionSpot,
      OwnNetwork: options.longConnection && options.connectionVpc === '',
      PublicIp: options.connectionPublicIp,
      FargateZones: zoneA !== undefined,
    },
    values: {
      ...secrets,
      'State::Table': options.state ? { Ref: 'StateTable' } : undefined,
      'Worker::VisibilityTimeout': visibilityTimeoutSeconds(options.workerTimeout),
      'Worker::OldEventSeconds': oldEventSeconds(options.workerTimeout),
      // CloudFormation updates the cluster before the service, and ECS does not remove a provider that the service uses.
      'Connection::CapacityProviders':
        options.connectionSpot || isSpotDeployed ? ['FARGATE', 'FARGATE_SPOT'] : ['FARGATE'],
      'Connection::Subnets': options.connectionSubnets,
      'Connection::ZoneA': zoneA,
      'Connection::ZoneB': zoneB,
      'Connection::MaximumPercent': percentages.maximum,
      'Connection::MinimumHealthyPercent': percentages.minimumHealthy,
    },
  };
}
