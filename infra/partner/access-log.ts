/** What the Partner API logs of each request, and the metric that is made of it. */

import { NAMESPACE } from "@stockwire/functions/telemetry/metric";

/**
 * Why the gateway has refused a request is `error`, such as `QUOTA_EXCEEDED`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
 */
export const ACCESS_LOG = {
  stage: $app.stage,
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  requestTime: "$context.requestTime",
  httpMethod: "$context.httpMethod",
  resourcePath: "$context.resourcePath",
  apiKeyId: "$context.identity.apiKeyId",
  status: "$context.status",
  error: "$context.error.responseType",
  responseLength: "$context.responseLength",
  responseLatency: "$context.responseLatency",
  integrationLatency: "$context.integration.latency",
  integrationError: "$context.integration.error",
  authorizerError: "$context.authorizer.error",
};

/** Counts requests over a quota, which API Gateway itself does not. */
export const QUOTA_EXCEEDED = "PartnerQuotaExceeded";

/** Makes the metric of the records in a log group. */
export function addQuotaMetric(logGroupName: $util.Input<string>): void {
  new aws.cloudwatch.LogMetricFilter("PartnerQuotaFilter", {
    name: QUOTA_EXCEEDED,
    logGroupName,
    pattern: '{ $.error = "QUOTA_EXCEEDED" }',
    metricTransformation: {
      name: QUOTA_EXCEEDED,
      namespace: NAMESPACE,
      value: "1",
      unit: "Count",
      dimensions: { stage: "$.stage" },
    },
  });
}
