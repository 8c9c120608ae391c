import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { readSettings } from "../../../runtime/settings.ts";

const page = readFileSync(new URL("../../../docs/deployment.md", import.meta.url), "utf8");

test("the deployment page names every setting but the one that is not supported, and no other", () => {
  const named = [...page.matchAll(/^\| `(AZORA_\w+)`/gm)].map(([, name]) => name);
  const settings = Object.keys(readSettings({})).filter((name) => name !== "AZORA_DB_URL");
  expect(named.sort()).toEqual(settings.sort());
});
