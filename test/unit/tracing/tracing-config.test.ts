import { describe, expect, test } from "@jest/globals";
import { readSettings, SettingsError } from "../../../runtime/settings.ts";
import { tracingConfig } from "../../../runtime/tracing/tracing-config.ts";

const configOf = (env: NodeJS.ProcessEnv) => tracingConfig(readSettings(env), env);

describe("where traces go", () => {
  test("is nowhere without an endpoint", () => {
    expect(configOf({})).toBeUndefined();
    expect(configOf({ AZORA_TRACE_SAMPLE: "1" })).toBeUndefined();
  });

  test("is said by Azora's own settings", () => {
    const config = configOf({
      AZORA_OTLP_ENDPOINT: "https://otel.example.org:4318/",
      AZORA_OTLP_HEADERS: "authorization=Bearer%20abc, x-tenant=7",
      AZORA_TRACE_SAMPLE: "0.25",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://elsewhere",
    });
    expect(config).toEqual({
      url: "https://otel.example.org:4318/v1/traces",
      headers: { authorization: "Bearer abc", "x-tenant": "7" },
      rate: 0.25,
      attributes: {},
    });
  });

  test("is said by OpenTelemetry's names where Azora's are not set", () => {
    const config = configOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=k",
      OTEL_SERVICE_NAME: "shop",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=other",
    });
    expect(config).toEqual({
      url: "http://127.0.0.1:4318/v1/traces",
      headers: { "api-key": "k" },
      rate: 0.01,
      serviceName: "shop",
      attributes: { "deployment.environment.name": "test" },
    });
    const exact = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/own", OTEL_EXPORTER_OTLP_ENDPOINT: "x" };
    expect(configOf(exact)?.url).toBe("http://127.0.0.1:4318/own");
  });

  test.each([
    { OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://127.0.0.1:4317" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_SDK_DISABLED: "true" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_TRACES_EXPORTER: "none" },
  ])("is nowhere where the environment says so: %j", (env) => {
    expect(configOf(env)).toBeUndefined();
  });

  test.each([
    ["AZORA_OTLP_ENDPOINT", "127.0.0.1:4318"],
    ["AZORA_OTLP_ENDPOINT", "http://user:secret@127.0.0.1:4318"],
    ["AZORA_OTLP_HEADERS", "no pair"],
    ["AZORA_OTLP_HEADERS", "a=b\r\nx: y"],
    ["AZORA_TRACE_SAMPLE", "1.01"],
    ["AZORA_TRACE_SAMPLE", "often"],
  ])("is refused at the start where %s is %j", (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(SettingsError);
  });
});
