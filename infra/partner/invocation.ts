/** The addresses by which the Partner API calls its functions. */

import type { Lambda } from "../function.ts";

/**
 * The ARN of a function's alias as the stage variable says. Under `sst dev` there is no alias.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/aws-api-gateway-stage-variables-reference.html
 */
export function aliased({ arn }: Lambda) {
  // oxlint-disable-next-line no-template-curly-in-string -- API Gateway replaces it
  return $dev ? arn : $interpolate`${arn}:${"${stageVariables.lambdaAlias}"}`;
}

export function invocation(functionArn: $util.Input<string>) {
  const { region } = aws.getRegionOutput();
  return $interpolate`arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${functionArn}/invocations`;
}

export function streamingInvocation(functionArn: $util.Input<string>) {
  const { region } = aws.getRegionOutput();
  return $interpolate`arn:aws:apigateway:${region}:lambda:path/2021-11-15/functions/${functionArn}/response-streaming-invocations`;
}
