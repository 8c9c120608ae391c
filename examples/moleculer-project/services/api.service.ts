import type { ServiceSchema } from "moleculer";
import ApiGateway, { type ApiSettingsSchema } from "moleculer-web";

const schema: ServiceSchema<ApiSettingsSchema> = {
  name: "api",
  // It listens on a port of its own, so there can be but one.
  metadata: { singleton: true },
  mixins: [ApiGateway],
  settings: {
    port: Number(process.env.PORT),
    ip: "127.0.0.1",
    routes: [
      {
        path: "/api",
        whitelist: ["**"],
        autoAliases: true,
        mappingPolicy: "restrict",
        bodyParsers: { json: true },
        logging: false,
      },
    ],
  },
};

export default schema;
