/** The resource server's identifier, which Cognito writes before each of its scopes. */
export const RESOURCE_SERVER = "stockwire";
