/** The resource policy of the Partner API: addresses that are refused, and one VPC endpoint. */

import { resourcePolicy } from "@stockwire/functions/partner/plan";

/**
 * The resource policy as JSON; undefined for none. A private API must name its VPC endpoint, and sees
 * the caller's address in the VPC.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-aws-condition-keys.html
 */
export function policyOf(
  deniedRanges: readonly string[],
  vpcEndpoint: string | undefined,
): string | undefined {
  const given = resourcePolicy(deniedRanges);
  if (!vpcEndpoint) return given && JSON.stringify(given);
  const everyone = { Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*" };
  const statements = [
    { Effect: "Allow", ...everyone },
    {
      Effect: "Deny",
      ...everyone,
      Condition: { StringNotEquals: { "aws:SourceVpce": vpcEndpoint } },
    },
    ...(deniedRanges.length > 0
      ? [
          {
            Effect: "Deny",
            ...everyone,
            Condition: { IpAddress: { "aws:VpcSourceIp": deniedRanges } },
          },
        ]
      : []),
  ];
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}
