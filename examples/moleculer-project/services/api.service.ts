import type { ServiceSchema } from "moleculer";
import ApiGateway, { type ApiSettingsSchema } from "moleculer-web";

const schema: ServiceSchema<ApiSettingsSchema> = {
  name: "api",
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
