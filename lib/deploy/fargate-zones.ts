/**
 * Two zones with Fargate in each region where not all zones have it.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
 */
const ZONE_IDS: Partial<Record<string, readonly [string, string]>> = {
  'us-west-1': ['usw1-az1', 'usw1-az3'],
  'ap-northeast-1': ['apne1-az1', 'apne1-az4'],
  'cn-north-1': ['cnn1-az1', 'cnn1-az2'],
};

/** Returns the ids of two zones to use for Fargate, `undefined` if all zones of the region have it. */
export function fargateZonesOf(region: string): readonly [string, string] | undefined {
  return ZONE_IDS[region];
}
