import type { Template } from './serverless.ts';

/** The stack that the policy allows to deploy, check and remove. */
export interface DeployedStage {
  service: string;
  stage: string;
  stackName: string;
  region: string;
}

interface Statement {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: object;
}

export interface DeployerPolicy {
  document: { Version: '2012-10-17'; Statement: Statement[] };
  /** Types of resources, such as those that the user added, whose permissions the policy lacks. */
  unknownTypes: string[];
}

/**
 * What CloudFormation does with the credentials of the deployment for each type of resource: to create, read, update and
 * delete it with the properties that the template uses. A test compares this with CloudFormation's own list.
 *
 * @see https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
 */
const ACTIONS: Record<string, string> = {
  'AWS::ApiGatewayV2::Api': 'apigateway:POST PUT GET PATCH DELETE TagResource UntagResource',
  'AWS::ApiGatewayV2::Integration': 'apigateway:POST PUT GET PATCH DELETE',
  'AWS::ApiGatewayV2::Route': 'apigateway:POST PUT GET PATCH DELETE',
  'AWS::ApiGatewayV2::Stage': 'apigateway:POST PUT GET PATCH DELETE TagResource UntagResource',
  'AWS::CloudWatch::Alarm':
    'cloudwatch:DescribeAlarms PutMetricAlarm DeleteAlarms ListTagsForResource TagResource UntagResource',
  'AWS::CloudWatch::Dashboard':
    'cloudwatch:GetDashboard PutDashboard DeleteDashboards ListTagsForResource TagResource UntagResource',
  'AWS::DynamoDB::Table':
    'dynamodb:CreateTable DescribeTable UpdateTable DeleteTable DescribeContinuousBackups UpdateContinuousBackups DescribeTimeToLive UpdateTimeToLive DescribeContributorInsights DescribeKinesisStreamingDestination GetResourcePolicy ListTagsOfResource TagResource UntagResource',
  'AWS::EC2::InternetGateway':
    'ec2:CreateInternetGateway DeleteInternetGateway DescribeInternetGateways CreateTags DeleteTags',
  'AWS::EC2::Route': 'ec2:CreateRoute ReplaceRoute DeleteRoute DescribeRouteTables DescribeNetworkInterfaces',
  'AWS::EC2::RouteTable': 'ec2:CreateRouteTable DeleteRouteTable DescribeRouteTables CreateTags DeleteTags',
  'AWS::EC2::SecurityGroup':
    'ec2:CreateSecurityGroup DeleteSecurityGroup DescribeSecurityGroups DescribeInstances AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress UpdateSecurityGroupRuleDescriptionsEgress CreateTags DeleteTags',
  'AWS::EC2::Subnet':
    'ec2:CreateSubnet DeleteSubnet DescribeSubnets ModifySubnetAttribute DescribeNetworkAcls DescribeAvailabilityZones CreateTags DeleteTags',
  'AWS::EC2::SubnetRouteTableAssociation':
    'ec2:AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation DescribeRouteTables DescribeSubnets',
  'AWS::EC2::VPC':
    'ec2:CreateVpc DeleteVpc DescribeVpcs DescribeVpcAttribute ModifyVpcAttribute DescribeNetworkAcls DescribeSecurityGroups DescribeVpcEncryptionControls CreateTags DeleteTags',
  'AWS::EC2::VPCGatewayAttachment':
    'ec2:AttachInternetGateway DetachInternetGateway DescribeInternetGateways DescribeVpnGateways',
  'AWS::ECS::Cluster':
    'ecs:CreateCluster DescribeClusters UpdateCluster DeleteCluster PutClusterCapacityProviders ListTagsForResource TagResource UntagResource',
  'AWS::ECS::Service':
    'ecs:CreateService DescribeServices UpdateService DeleteService DescribeServiceDeployments ListServiceDeployments StopServiceDeployment ListTagsForResource TagResource UntagResource',
  'AWS::ECS::TaskDefinition':
    'ecs:RegisterTaskDefinition DescribeTaskDefinition DeregisterTaskDefinition ListTagsForResource TagResource UntagResource',
  'AWS::IAM::Role':
    'iam:CreateRole GetRole UpdateRole UpdateRoleDescription DeleteRole UpdateAssumeRolePolicy PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies TagRole UntagRole',
  'AWS::Lambda::EventSourceMapping':
    'lambda:CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping ListTags TagResource UntagResource',
  'AWS::Lambda::Function':
    'lambda:CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction PutFunctionConcurrency DeleteFunctionConcurrency GetFunctionCodeSigningConfig GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig ListTags TagResource UntagResource',
  'AWS::Lambda::Permission': 'lambda:AddPermission RemovePermission GetPolicy',
  'AWS::Lambda::Version': 'lambda:PublishVersion ListVersionsByFunction PutProvisionedConcurrencyConfig',
  'AWS::Lambda::Alias':
    'lambda:CreateAlias GetAlias UpdateAlias DeleteAlias PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig',
  'AWS::Logs::LogGroup':
    'logs:CreateLogGroup DescribeLogGroups DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy GetDataProtectionPolicy DescribeIndexPolicies DescribeResourcePolicies ListTagsForResource TagResource UntagResource',
  'AWS::Logs::MetricFilter': 'logs:PutMetricFilter DescribeMetricFilters DeleteMetricFilter',
  'AWS::S3::Bucket':
    's3:CreateBucket DeleteBucket ListBucket PutBucketPublicAccessBlock PutEncryptionConfiguration PutLifecycleConfiguration PutBucketTagging GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketCORS GetBucketLogging GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning GetBucketWebsite GetBucketMetadataTableConfiguration GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListTagsForResource TagResource UntagResource',
  'AWS::S3::BucketPolicy': 's3:PutBucketPolicy GetBucketPolicy DeleteBucketPolicy',
  'AWS::SNS::Subscription': 'sns:Subscribe Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes',
  'AWS::SNS::Topic':
    'sns:CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListSubscriptionsByTopic GetDataProtectionPolicy ListTagsForResource TagResource UntagResource',
  'AWS::SNS::TopicPolicy': 'sns:SetTopicAttributes',
  'AWS::SQS::Queue':
    'sqs:CreateQueue GetQueueAttributes GetQueueUrl SetQueueAttributes DeleteQueue ListQueueTags TagQueue UntagQueue',
  'AWS::SQS::QueuePolicy': 'sqs:SetQueueAttributes GetQueueAttributes',
};

/** What the framework, the plugin and the doctor do themselves. */
const OWN_ACTIONS = [
  'cloudformation:CreateStack UpdateStack DeleteStack CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet DescribeStacks DescribeStackEvents DescribeStackResource ListStackResources GetTemplate ValidateTemplate',
  's3:GetObject PutObject DeleteObject DeleteObjectVersion ListBucket ListBucketVersions',
  'secretsmanager:CreateSecret DescribeSecret GetSecretValue PutSecretValue DeleteSecret RestoreSecret',
  'lambda:GetFunction GetEventSourceMapping',
  'dynamodb:GetItem Scan DescribeTable',
  'sqs:SendMessage GetQueueAttributes GetQueueUrl',
  'cloudwatch:DescribeAlarms',
];
/** API Gateway writes its access log with a delivery that it creates with the credentials of the deployment. */
const LOG_DELIVERY_ACTIONS =
  'logs:CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries PutResourcePolicy DescribeResourcePolicies';

/** Actions that support no resources, or not those of a stack that does not exist yet. */
const WITHOUT_RESOURCE = new Set([
  'cloudformation:ValidateTemplate',
  'cloudwatch:DescribeAlarms',
  'ecs:RegisterTaskDefinition',
  'ecs:DescribeTaskDefinition',
  'ecs:DeregisterTaskDefinition',
  'logs:DescribeLogGroups',
  'logs:DescribeIndexPolicies',
  'sns:Unsubscribe',
  'sns:GetSubscriptionAttributes',
  'sns:SetSubscriptionAttributes',
  ...expand(LOG_DELIVERY_ACTIONS),
]);

/** CloudFormation shortens the stack's name to this length in the names that it generates. */
const SHORTENED_NAME_LENGTH = 24;

/**
 * Returns the least that a role needs to deploy, check and remove a stack.
 *
 * The role can create roles with the stack's prefix, so anyone who can change the project can give its functions any
 * permission. A permissions boundary limits this.
 */
export function createDeployerPolicy({ Resources: resources }: Template, stage: DeployedStage): DeployerPolicy {
  const types = new Set(Object.values(resources).map(({ Type }) => Type));
  const known = [...types].filter((type) => Object.hasOwn(ACTIONS, type));
  const actions = new Set(
    [
      ...known.map((type) => ACTIONS[type] as string),
      ...OWN_ACTIONS,
      ...(types.has('AWS::ApiGatewayV2::Stage') ? [LOG_DELIVERY_ACTIONS] : []),
      ...(types.has('AWS::SNS::Topic') ? ['sns:ListSubscriptionsByTopic'] : []),
      ...(hasManagedPolicies(resources) ? ['iam:AttachRolePolicy DetachRolePolicy'] : []),
    ].flatMap(expand),
  );
  const arns = arnsOf(resources, stage);
  return {
    document: {
      Version: '2012-10-17',
      Statement: [...statementsFor(actions, arns, stage.region), ...roleStatements(types, arns, stage.region)],
    },
    unknownTypes: [...types].filter((type) => !known.includes(type)).toSorted(),
  };
}

/** The ARNs of the stack's resources for each AWS service. */
type Arns = Record<string, string[]>;

function statementsFor(actions: Set<string>, arns: Arns, region: string): Statement[] {
  const services = Map.groupBy([...actions].toSorted(), serviceOf);
  return [...services].flatMap(([service, all]) => {
    const [limited, unlimited] = [true, false].map((isLimited) =>
      all.filter((action) => WITHOUT_RESOURCE.has(action) !== isLimited),
    ) as [string[], string[]];
    const name = service.slice(0, 1).toUpperCase() + service.slice(1);
    const inRegion = { StringEquals: { 'aws:RequestedRegion': region } };
    const statement = (Sid: string, Action: string[], Resource: string[]): Statement => ({
      Sid,
      Effect: 'Allow',
      Action,
      Resource,
      ...(Resource.includes('*') && { Condition: inRegion }),
    });
    return [
      ...(limited.length > 0 ? [statement(name, limited, arns[service] as string[])] : []),
      ...(unlimited.length > 0 ? [statement(`${name}WithoutResource`, unlimited, ['*'])] : []),
    ];
  });
}

/** Roles may be passed only to the services that run the stack's code. */
function roleStatements(types: Set<string>, arns: Arns, region: string): Statement[] {
  const passed: Statement = {
    Sid: 'PassRoles',
    Effect: 'Allow',
    Action: ['iam:PassRole'],
    Resource: arns.iam as string[],
    Condition: { StringEquals: { 'iam:PassedToService': ['lambda.amazonaws.com', 'ecs-tasks.amazonaws.com'] } },
  };
  if (!types.has('AWS::ECS::Cluster')) return [passed];
  const linked: Statement = {
    Sid: 'CreateServiceLinkedRole',
    Effect: 'Allow',
    Action: ['iam:CreateServiceLinkedRole'],
    Resource: [`arn:${partitionOf(region)}:iam::*:role/aws-service-role/ecs.amazonaws.com/*`],
    Condition: { StringEquals: { 'iam:AWSServiceName': 'ecs.amazonaws.com' } },
  };
  return [passed, linked];
}

/**
 * Returns the ARNs of the stack's resources, in any account: the policy applies only in the role's own. The stages `prod` and
 * `prod-eu` share a prefix, so secrets, queues and dashboards, which contain data, have exact names.
 */
function arnsOf(resources: Template['Resources'], { service, stage, stackName, region }: DeployedStage): Arns {
  const partition = partitionOf(region);
  const arn = (resource: string) => `arn:${partition}:${resource.replace(':', `:${region}:*:`)}`;
  const generated =
    stackName.length > SHORTENED_NAME_LENGTH ? stackName.slice(0, SHORTENED_NAME_LENGTH) : `${stackName}-`;
  const named = `${service}-${stage}`;
  const bucket = `arn:${partition}:s3:::${generated.toLowerCase()}*`;
  const namesOf = (type: string, property: string) =>
    Object.values(resources)
      .filter(({ Type }) => Type === type)
      .map(({ Properties }) => (typeof Properties?.[property] === 'string' ? Properties[property] : `${generated}*`));
  // A change of the ordering replaces a queue by one with or without this suffix.
  const queues = namesOf('AWS::SQS::Queue', 'QueueName').map((name) => name.replace(/\.fifo$/, ''));
  return {
    apigateway: ['apis', 'apis/*', 'tags/*'].map((name) => `arn:${partition}:apigateway:${region}::/${name}`),
    cloudformation: [arn(`cloudformation:stack/${stackName}/*`)],
    cloudwatch: [
      arn(`cloudwatch:alarm:${named}-*`),
      ...namesOf('AWS::CloudWatch::Dashboard', 'DashboardName').map(
        (name) => `arn:${partition}:cloudwatch::*:dashboard/${name}`,
      ),
    ],
    dynamodb: [arn(`dynamodb:table/${generated}*`)],
    ec2: ['*'],
    ecs: [
      arn(`ecs:cluster/${named}`),
      arn(`ecs:service/${named}/*`),
      arn(`ecs:service-deployment/${named}/*`),
      arn(`ecs:task-definition/${named}-*`),
    ],
    iam: [`arn:${partition}:iam::*:role/${generated}*`],
    lambda: [arn(`lambda:function:${named}-*`), arn('lambda:event-source-mapping:*')],
    logs: [
      arn(`logs:log-group:/aws/lambda/${named}-*`),
      arn(`logs:log-group:/aws/http-api/${stackName}*`),
      arn(`logs:log-group:/ecs/${named}-*`),
    ],
    s3: [bucket, `${bucket}/*`],
    // A secret's ARN ends in six random characters as soon as the secret exists.
    secretsmanager: ['', '-??????'].map((suffix) => arn(`secretsmanager:secret:${service}/${stage}${suffix}`)),
    sns: [arn(`sns:${named}-*`)],
    sqs: [...new Set(queues.flatMap((name) => [arn(`sqs:${name}`), arn(`sqs:${name}.fifo`)]))],
  };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function hasManagedPolicies(resources: Template['Resources']): boolean {
  return Object.values(resources).some(
    ({ Type, Properties }) => Type === 'AWS::IAM::Role' && Properties?.ManagedPolicyArns !== undefined,
  );
}

/** Expands `sqs:CreateQueue DeleteQueue` to two actions. */
function expand(actions: string): string[] {
  const service = serviceOf(actions);
  return actions
    .slice(service.length + 1)
    .split(' ')
    .map((name) => `${service}:${name}`);
}

function serviceOf(action: string): string {
  return action.slice(0, action.indexOf(':'));
}
