/** The settings of a host: those of the Lambda functions, and what a gateway would have. */

import type { ClientOptions } from "@stockwire/core/store/client";
import * as z from "zod";
import { Config, readAs } from "../config.ts";

const Host = Config.extend({
  JWT_ISSUER: z.url(),
  CURSOR_SECRET: z.string().min(32),
  /** Without both, DYNAMODB_CLIENT=sdk finds credentials as the SDK does, on Node only. */
  AWS_ACCESS_KEY_ID: z.string().min(1).optional(),
  AWS_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  AWS_SESSION_TOKEN: z.string().min(1).optional(),
  /** Requests a second of one caller; 0 sets no limit. */
  CALLER_RATE: z.coerce.number().min(0).max(100_000).default(100),
  /** Requests that a caller may send at the same time. */
  CALLER_BURST: z.coerce.number().int().min(1).max(100_000).default(200),
  /**
   * Proxies in front that append to X-Forwarded-For. With 0 the header is ignored, because any
   * client can send it.
   */
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
  /** `on` makes spans, which the OpenTelemetry SDK of the process records, if it has one. */
  OPENTELEMETRY: z.enum(["off", "on"]).default("off"),
  /** Port of `/metrics`, on Node; 0 picks a free one. */
  PROMETHEUS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
});

export interface Settings extends Config {
  JWT_ISSUER: string;
  CURSOR_SECRET: string;
  callerRate: number; // requests a second
  callerBurst: number; // requests
  trustedProxies: number;
  openTelemetry: boolean;
  prometheusPort: number | undefined;
  credentials: ClientOptions["credentials"];
}

/**
 * Reads the settings of a host from an environment, or from the bindings of a Worker. Throws one error
 * that names each missing or invalid setting, without its value.
 */
export function readSettings(environment: Readonly<Record<string, unknown>>): Settings {
  const texts = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    CALLER_RATE: callerRate,
    CALLER_BURST: callerBurst,
    TRUSTED_PROXIES: trustedProxies,
    OPENTELEMETRY: openTelemetry,
    PROMETHEUS_PORT: prometheusPort,
    ...config
  } = readAs(Host, texts);
  return {
    ...config,
    callerRate,
    callerBurst,
    trustedProxies,
    openTelemetry: openTelemetry === "on",
    prometheusPort,
    credentials:
      accessKeyId && secretAccessKey
        ? { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
        : undefined,
  };
}
