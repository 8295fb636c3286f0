/** How clients reach a local engine. Commands import it without the engine and the SDK. */

/** The configuration of a client of DynamoDB. */
export interface ClientConfig {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

/** The configuration of clients of a local engine, which accepts any region and credentials. */
export const localClientConfig = (endpoint: string): ClientConfig => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});
