/** The firewall (WAF) of the Partner API, an option of a stage. */

/**
 * Refuses addresses of bad reputation and requests that are known to be attacks. AWS's common rules are
 * left out: they refuse bodies over 8 KB and callers without `User-Agent`, which partners have. Plans
 * limit the rate.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
 */
export function addFirewall(apiName: string, stageArn: $util.Output<string>): void {
  const visibility = (metricName: string) => ({
    metricName,
    cloudwatchMetricsEnabled: true,
    sampledRequestsEnabled: false, // samples contain headers, with their tokens and keys
  });
  const groups = ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet"];
  const acl = new aws.wafv2.WebAcl("PartnerFirewall", {
    name: apiName,
    scope: "REGIONAL",
    defaultAction: { allow: {} },
    visibilityConfig: visibility(apiName),
    rules: groups.map((name, priority) => ({
      name,
      priority,
      overrideAction: { none: {} },
      statement: { managedRuleGroupStatement: { vendorName: "AWS", name } },
      visibilityConfig: visibility(`${apiName}-${name}`),
    })),
  });
  new aws.wafv2.WebAclAssociation("PartnerFirewallAssociation", {
    resourceArn: stageArn,
    webAclArn: acl.arn,
  });
}
