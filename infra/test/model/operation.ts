/**
 * The API calls behind each type of resource, and how a resource's inputs become their requests.
 * Names that differ in case only are found mechanically; this table has the exceptions.
 */

export type Inputs = Readonly<Record<string, unknown>>;

/** A call of an API. */
export interface Call {
  service: string;
  operation: string;
  /**
   * Inputs with another name in the request, with dots for a nested member. `null`: not part of this
   * request.
   */
  names?: Readonly<Record<string, string | null>>;
}

interface Mapping extends Call {
  /** Reshapes inputs whose structure differs from the request's. */
  prepare?: (inputs: Inputs) => Inputs;
  /** Calls with the inputs that the first call does not take. They take only the inputs in `names`. */
  others?: readonly Call[];
}

const list = (value: unknown) => (Array.isArray(value) ? (value as Inputs[]) : []);
const without = (inputs: Inputs, ...names: string[]): Inputs =>
  Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.includes(name)));

const gateway = (operation: string, names: Call["names"] = {}): Mapping => ({
  service: "apigatewayv2",
  operation,
  names,
});

/** A call for a part of a REST API. */
const restPart = (operation: string, names: Call["names"] = {}): Mapping => ({
  service: "apigateway",
  operation,
  names: { restApi: "restApiId", ...names },
});

/** By type, without `aws:` and the name after the colon. */
export const mappings: Readonly<Record<string, Mapping>> = {
  "acm/certificate": {
    service: "acm",
    operation: "RequestCertificate",
    prepare: withoutEmptyLists,
  },
  "apigateway/apiKey": restPart("CreateApiKey"),
  "apigateway/authorizer": restPart("CreateAuthorizer"),
  "apigateway/basePathMapping": restPart("CreateBasePathMapping", { stageName: "stage" }),
  "apigateway/deployment": restPart("CreateDeployment", { triggers: null }),
  "apigateway/domainName": { ...restPart("CreateDomainName"), prepare: withTypes },
  "apigateway/integration": restPart("PutIntegration", { timeoutMilliseconds: "timeoutInMillis" }),
  "apigateway/integrationResponse": restPart("PutIntegrationResponse"),
  "apigateway/method": restPart("PutMethod", { authorization: "authorizationType" }),
  "apigateway/methodResponse": restPart("PutMethodResponse"),
  "apigateway/methodSettings": { ...restPart("UpdateStage"), prepare: settingsOf },
  "apigateway/model": restPart("CreateModel"),
  "apigateway/requestValidator": restPart("CreateRequestValidator"),
  "apigateway/resource": restPart("CreateResource"),
  "apigateway/restApi": { ...restPart("CreateRestApi"), prepare: withTypes },
  "apigateway/restApiPolicy": {
    ...restPart("UpdateRestApi"),
    prepare: ({ policy, ...inputs }) => ({ ...inputs, patchOperations: [patch("policy", policy)] }),
  },
  "apigateway/stage": restPart("CreateStage", {
    deployment: "deploymentId",
    xrayTracingEnabled: "tracingEnabled",
    accessLogSettings: null, // the provider patches the stage
  }),
  "apigateway/usagePlan": restPart("CreateUsagePlan", {
    throttleSettings: "throttle",
    quotaSettings: "quota",
  }),
  "apigateway/usagePlanKey": restPart("CreateUsagePlanKey"),
  "apigatewayv2/api": gateway("CreateApi"),
  "apigatewayv2/apiMapping": gateway("CreateApiMapping"),
  "apigatewayv2/authorizer": {
    ...gateway("CreateAuthorizer", {
      identitySources: "identitySource",
      "jwtConfiguration.audiences": "audience",
    }),
    // The model requires an identity source, the API does not for a REQUEST authorizer without cache.
    // https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers.html
    prepare: (inputs) => ({ identitySources: [], ...inputs }),
  },
  "apigatewayv2/domainName": {
    ...gateway("CreateDomainName", {
      domainNameConfiguration: "domainNameConfigurations",
    }),
    prepare: (inputs) => ({
      ...inputs,
      domainNameConfiguration: [inputs["domainNameConfiguration"]],
    }),
  },
  "apigatewayv2/integration": gateway("CreateIntegration"),
  "apigatewayv2/route": gateway("CreateRoute"),
  "apigatewayv2/stage": {
    ...gateway("CreateStage", { name: "stageName" }),
    // A list in the provider, a map by route key in the API.
    prepare: ({ routeSettings, ...inputs }) => ({
      ...inputs,
      ...(routeSettings !== undefined && {
        routeSettings: Object.fromEntries(
          list(routeSettings).map((each) => [each["routeKey"], without(each, "routeKey")]),
        ),
      }),
    }),
  },
  "cloudwatch/dashboard": { service: "cloudwatch", operation: "PutDashboard" },
  "cloudwatch/eventRule": { service: "events", operation: "PutRule" },
  "cloudwatch/eventTarget": {
    service: "events",
    operation: "PutTargets",
    prepare: ({ rule, targetId, arn }) => ({ rule, targets: [{ id: targetId, arn }] }),
  },
  "cloudwatch/logGroup": {
    service: "logs",
    operation: "CreateLogGroup",
    names: { name: "logGroupName", retentionInDays: null },
    others: [
      {
        service: "logs",
        operation: "PutRetentionPolicy",
        names: { name: "logGroupName", retentionInDays: "retentionInDays" },
      },
    ],
  },
  "cloudwatch/logMetricFilter": {
    service: "logs",
    operation: "PutMetricFilter",
    names: { name: "filterName", pattern: "filterPattern" },
    prepare: ({ metricTransformation, ...inputs }) => {
      const { name, namespace, value, ...rest } = metricTransformation as Inputs;
      const named = { metricName: name, metricNamespace: namespace, metricValue: value };
      return { ...inputs, metricTransformations: [{ ...named, ...rest }] };
    },
  },
  "cloudwatch/metricAlarm": {
    service: "cloudwatch",
    operation: "PutMetricAlarm",
    names: { name: "AlarmName", metricQueries: "Metrics" },
    prepare: ({ metricQueries, ...inputs }) => ({
      ...inputs,
      ...(metricQueries !== undefined && {
        metricQueries: list(metricQueries).map(({ metric, ...query }) =>
          metric === undefined ? query : { ...query, metricStat: statOf(metric as Inputs) },
        ),
      }),
    }),
  },
  "cloudwatch/queryDefinition": { service: "logs", operation: "PutQueryDefinition" },
  "cognito/resourceServer": { service: "cognito-idp", operation: "CreateResourceServer" },
  "cognito/userPool": {
    service: "cognito-idp",
    operation: "CreateUserPool",
    names: { name: "PoolName" },
  },
  "cognito/userPoolClient": {
    service: "cognito-idp",
    operation: "CreateUserPoolClient",
    names: { name: "ClientName" },
  },
  "cognito/userPoolDomain": { service: "cognito-idp", operation: "CreateUserPoolDomain" },
  "dynamodb/table": {
    service: "dynamodb",
    operation: "CreateTable",
    names: { name: "TableName", ttl: null, pointInTimeRecovery: null },
    prepare: tableOf,
    others: [
      {
        service: "dynamodb",
        operation: "UpdateTimeToLive",
        names: { name: "TableName", ttl: "TimeToLiveSpecification" },
      },
      {
        service: "dynamodb",
        operation: "UpdateContinuousBackups",
        names: { name: "TableName", pointInTimeRecovery: "PointInTimeRecoverySpecification" },
      },
    ],
  },
  "iam/role": {
    service: "iam",
    operation: "CreateRole",
    names: {
      name: "RoleName",
      assumeRolePolicy: "AssumeRolePolicyDocument",
      inlinePolicies: null,
      managedPolicyArns: null,
    },
    // SST gives a role one inline policy, and most roles no managed one.
    prepare: ({ inlinePolicies, managedPolicyArns, assumeRolePolicy, ...inputs }) => ({
      name: "made-up-by-the-provider",
      ...inputs,
      assumeRolePolicy:
        typeof assumeRolePolicy === "string" ? assumeRolePolicy : JSON.stringify(assumeRolePolicy),
      ...(list(inlinePolicies)[0] && { inlinePolicies: list(inlinePolicies)[0] }),
      ...(list(managedPolicyArns)[0] && { managedPolicyArns: list(managedPolicyArns)[0] }),
    }),
    others: [
      {
        service: "iam",
        operation: "PutRolePolicy",
        names: {
          name: "RoleName",
          "inlinePolicies.name": "PolicyName",
          "inlinePolicies.policy": "PolicyDocument",
        },
      },
      {
        service: "iam",
        operation: "AttachRolePolicy",
        names: { name: "RoleName", managedPolicyArns: "PolicyArn" },
      },
    ],
  },
  "lambda/alias": { service: "lambda", operation: "CreateAlias" },
  "lambda/eventSourceMapping": {
    service: "lambda",
    operation: "CreateEventSourceMapping",
    names: { "destinationConfig.onFailure.destinationArn": "Destination" },
  },
  "lambda/function": {
    service: "lambda",
    operation: "CreateFunction",
    names: {
      name: "FunctionName",
      s3Bucket: "Code.S3Bucket",
      s3Key: "Code.S3Key",
      reservedConcurrentExecutions: null,
    },
    others: [
      {
        service: "lambda",
        operation: "PutFunctionConcurrency",
        names: {
          name: "FunctionName",
          reservedConcurrentExecutions: "ReservedConcurrentExecutions",
        },
      },
    ],
  },
  "lambda/permission": {
    service: "lambda",
    operation: "AddPermission",
    names: { function: "FunctionName" },
    // The provider makes up an id.
    prepare: (inputs) => ({ statementId: "terraform-20260101000000000000000001", ...inputs }),
  },
  "lambda/provisionedConcurrencyConfig": {
    service: "lambda",
    operation: "PutProvisionedConcurrencyConfig",
  },
  "route53/record": {
    service: "route53",
    operation: "ChangeResourceRecordSets",
    names: { zoneId: "HostedZoneId", allowOverwrite: null },
    prepare: ({ zoneId, name, type, ttl, records, aliases, ...rest }) => ({
      ...rest,
      zoneId,
      changeBatch: {
        changes: [
          {
            action: "UPSERT",
            resourceRecordSet: {
              name,
              type,
              ...(ttl !== undefined && { ttl }),
              ...(records !== undefined && {
                resourceRecords: (records as string[]).map((value) => ({ value })),
              }),
              ...(list(aliases)[0] && {
                aliasTarget: {
                  hostedZoneId: list(aliases)[0]?.["zoneId"],
                  dnsName: list(aliases)[0]?.["name"],
                  evaluateTargetHealth: list(aliases)[0]?.["evaluateTargetHealth"],
                },
              }),
            },
          },
        ],
      },
    }),
  },
  "s3/bucket": {
    service: "s3",
    operation: "CreateBucket",
    names: { forceDestroy: null },
  },
  "s3/bucketLifecycleConfiguration": {
    service: "s3",
    operation: "PutBucketLifecycleConfiguration",
    names: { rules: "LifecycleConfiguration.Rules" },
  },
  "s3/bucketNotification": {
    service: "s3",
    operation: "PutBucketNotificationConfiguration",
    prepare: ({ bucket, eventbridge, ...rest }) => ({
      ...rest,
      bucket,
      notificationConfiguration: eventbridge === true ? { eventBridgeConfiguration: {} } : {},
    }),
  },
  "s3/bucketObjectv2": { service: "s3", operation: "PutObject", names: { source: null } },
  "s3/bucketPolicy": { service: "s3", operation: "PutBucketPolicy" },
  "s3/bucketPublicAccessBlock": {
    service: "s3",
    operation: "PutPublicAccessBlock",
    prepare: ({ bucket, ...settings }) => ({ bucket, publicAccessBlockConfiguration: settings }),
  },
  "scheduler/schedule": { service: "scheduler", operation: "CreateSchedule" },
  "sns/topic": {
    service: "sns",
    operation: "CreateTopic",
    prepare: ({ name, fifoTopic, ...rest }) => ({
      ...rest,
      name,
      attributes: fifoTopic === true ? { FifoTopic: "true" } : {},
    }),
  },
  "sns/topicSubscription": {
    service: "sns",
    operation: "Subscribe",
    names: { topic: "TopicArn" },
  },
  "sqs/queue": { service: "sqs", operation: "CreateQueue", prepare: queueOf },
  "sqs/queuePolicy": {
    service: "sqs",
    operation: "SetQueueAttributes",
    prepare: ({ queueUrl, policy }) => ({ queueUrl, attributes: { Policy: policy } }),
  },
  "wafv2/webAcl": { service: "wafv2", operation: "CreateWebACL" },
  "wafv2/webAclAssociation": { service: "wafv2", operation: "AssociateWebACL" },
};

/** Types without a call that creates them, with the reason. */
export const withoutCall: Readonly<Record<string, string>> = {
  "acm/certificateValidation": "waits for a certificate",
  "apigateway/account": "a patch document",
};

/** What the models leave out, by service and member, in the models' words. */
export const LIMITS: Readonly<
  Record<string, { min?: number; max?: number; pattern?: string; enum?: readonly unknown[] }>
> = {
  // https://docs.aws.amazon.com/apigateway/latest/api/API_CreateModel.html
  "apigateway.CreateModel.name": { pattern: "[a-zA-Z0-9]+" },
  // https://docs.aws.amazon.com/apigateway/latest/api/API_CreateStage.html
  "apigateway.CreateStage.stageName": { min: 1, max: 128, pattern: "[\\w-]+" },
  "apigateway.CreateStage.variables.lambdaAlias": { pattern: "[A-Za-z0-9-._~:/?#&=,]+" },
  "apigateway.CreateStage.variables.tableName": { pattern: "[A-Za-z0-9-._~:/?#&=,]+" },
  // https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
  "apigateway.CreateAuthorizer.authorizerResultTtlInSeconds": { min: 0, max: 3_600 },
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-lambda-configure.html
  "apigateway.PutIntegration.timeoutInMillis": { min: 50, max: 900_000 },
  // https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
  "apigatewayv2.CreateApi.Name": { min: 1, max: 128 },
  "apigatewayv2.CreateStage.StageName": { min: 1, max: 128, pattern: "\\$default|[\\w-]+" },
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
  "cloudwatch.PutDashboard.DashboardName": { min: 1, max: 255, pattern: "[\\w-]+" },
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  "cloudwatch.PutMetricAlarm.Period": { min: 10 },
  // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
  "dynamodb.CreateTable.TableName": { min: 3, max: 255, pattern: "[\\w.-]+" },
  // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
  "logs.PutRetentionPolicy.retentionInDays": {
    enum: [
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
      3288, 3653,
    ],
  },
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  "s3.CreateBucket.Bucket": { min: 3, max: 63, pattern: "[a-z0-9][a-z0-9.-]+[a-z0-9]" },
  // https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
  "sns.CreateTopic.Name": { min: 1, max: 256, pattern: "[\\w-]+" },
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
  "sqs.CreateQueue.QueueName": { min: 1, max: 80, pattern: "[\\w-]+" },
  "sqs.CreateQueue.Attributes.MessageRetentionPeriod": { min: 60, max: 1_209_600 },
  "sqs.CreateQueue.Attributes.VisibilityTimeout": { min: 0, max: 43_200 },
};

/** A single type in the provider, a list in the API. */
function withTypes({ endpointConfiguration, ...inputs }: Inputs): Inputs {
  const { types, ...rest } = endpointConfiguration as Inputs;
  return { ...inputs, endpointConfiguration: { ...rest, types: [types] } };
}

const patch = (path: string, value: unknown): Inputs => ({
  op: "replace",
  path: `/${path}`,
  value: String(value),
});

/** Paths of a method's settings. https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html */
const SETTINGS: Readonly<Record<string, string>> = {
  metricsEnabled: "metrics/enabled",
  throttlingBurstLimit: "throttling/burstLimit",
  throttlingRateLimit: "throttling/rateLimit",
  cachingEnabled: "caching/enabled",
  cacheTtlInSeconds: "caching/ttlInSeconds",
  cacheDataEncrypted: "caching/dataEncrypted",
  requireAuthorizationForCacheControl: "caching/requireAuthorizationForCacheControl",
  unauthorizedCacheControlHeaderStrategy: "caching/unauthorizedCacheControlHeaderStrategy",
};

/** The settings of a method are patches of its stage. A setting without a path fails the check. */
function settingsOf({ methodPath, settings, ...inputs }: Inputs): Inputs {
  const patchOperations = Object.entries(settings as Inputs).map(([name, value]) =>
    name in SETTINGS ? patch(`${String(methodPath)}/${SETTINGS[name]}`, value) : { [name]: value },
  );
  return { ...inputs, patchOperations };
}

function withoutEmptyLists(inputs: Inputs): Inputs {
  return Object.fromEntries(
    Object.entries(inputs).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
}

const statOf = ({ period, stat, ...metric }: Inputs): Inputs => ({ metric, period, stat });

const keysOf = ({ hashKey, rangeKey }: Inputs): Inputs[] => [
  { attributeName: hashKey, keyType: "HASH" },
  ...(rangeKey === undefined ? [] : [{ attributeName: rangeKey, keyType: "RANGE" }]),
];

function tableOf(inputs: Inputs): Inputs {
  const {
    attributes,
    globalSecondaryIndexes,
    localSecondaryIndexes,
    pointInTimeRecovery,
    ...rest
  } = inputs;
  const { streamEnabled, streamViewType, ...others } = rest;
  const indexes = list(globalSecondaryIndexes).map((index) => ({
    indexName: index["name"],
    keySchema: keysOf(index),
    projection: { projectionType: index["projectionType"] },
    ...without(index, "name", "hashKey", "rangeKey", "projectionType"),
  }));
  return withoutEmptyLists({
    ...without(others, "hashKey", "rangeKey"),
    keySchema: keysOf(inputs),
    attributeDefinitions: list(attributes).map(({ name, type }) => ({
      attributeName: name,
      attributeType: type,
    })),
    globalSecondaryIndexes: indexes,
    localSecondaryIndexes,
    ...(streamEnabled === true && { streamSpecification: { streamEnabled, streamViewType } }),
    ...(pointInTimeRecovery !== undefined && {
      pointInTimeRecovery: {
        pointInTimeRecoveryEnabled: (pointInTimeRecovery as Inputs)["enabled"],
      },
    }),
  });
}

/** Attributes of a queue whose names differ. */
const QUEUE_ATTRIBUTES: Readonly<Record<string, string>> = {
  messageRetentionSeconds: "MessageRetentionPeriod",
  visibilityTimeoutSeconds: "VisibilityTimeout",
};

/** A queue's attributes are texts in one map. */
function queueOf({ name, fifoQueue, contentBasedDeduplication, ...attributes }: Inputs): Inputs {
  const given = {
    ...attributes,
    ...(fifoQueue === true && { fifoQueue, contentBasedDeduplication }),
  };
  return {
    queueName: name,
    attributes: Object.fromEntries(
      Object.entries(given).map(([key, value]) => [
        QUEUE_ATTRIBUTES[key] ?? key.charAt(0).toUpperCase() + key.slice(1),
        String(value),
      ]),
    ),
  };
}
