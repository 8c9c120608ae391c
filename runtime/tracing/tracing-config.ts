import type { Settings } from "../settings.ts";

export interface TracingConfig {
  /** Where spans are posted. */
  url: string;
  headers: Record<string, string>;
  /** Share of requests that are traced, 0 to 1. */
  rate: number;
  /** One name for all spans. @default each span's own service */
  serviceName?: string;
  /** Said of all spans. */
  attributes: Record<string, string>;
}

/**
 * Where traces go and which: by Azora's settings, else by the names that OpenTelemetry gives to the same. Nothing where no
 * endpoint is configured.
 */
export function tracingConfig(settings: Settings, env: NodeJS.ProcessEnv = process.env): TracingConfig | undefined {
  const url = endpointOf(settings, env);
  if (url === undefined) return undefined;
  const { "service.name": named, ...attributes } = parsePairs(env["OTEL_RESOURCE_ATTRIBUTES"] ?? "");
  const serviceName = env["OTEL_SERVICE_NAME"] || named;
  return {
    url,
    headers: parsePairs(settings.AZORA_OTLP_HEADERS || env["OTEL_EXPORTER_OTLP_HEADERS"] || ""),
    rate: settings.AZORA_TRACE_SAMPLE,
    ...(serviceName ? { serviceName } : {}),
    attributes,
  };
}

function endpointOf(settings: Settings, env: NodeJS.ProcessEnv): string | undefined {
  const own = settings.AZORA_OTLP_ENDPOINT;
  if (own) return below(own);
  if (env["OTEL_SDK_DISABLED"] === "true" || env["OTEL_TRACES_EXPORTER"] === "none") return undefined;
  const exact = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  if (isHttp(exact)) return exact;
  const base = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  return isHttp(base) ? below(base) : undefined;
}

function below(base: string): string {
  return `${base.replace(/\/+$/, "")}/v1/traces`;
}

/** What is no such URL was not meant for us: others read these variables too. */
function isHttp(url: string | undefined): url is string {
  return url !== undefined && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

const NAME = /^[\w.!#$%&'*+^`|~-]+$/;

/** `name=value,name=value`, values as in URLs. */
export function parsePairs(text: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const one of text.split(",")) {
    const at = one.indexOf("=");
    const name = one.slice(0, Math.max(0, at)).trim();
    if (!NAME.test(name)) continue;
    pairs[name] = decoded(one.slice(at + 1).trim());
  }
  return pairs;
}

/** True for pairs of which none would be left out. */
export function arePairs(text: string): boolean {
  return text
    .split(",")
    .every((one) => /^[^=]+=[^\r\n]*$/.test(one) && NAME.test(one.slice(0, one.indexOf("=")).trim()));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
