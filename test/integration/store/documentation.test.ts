import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import type { Stored } from "../../../models/model.ts";

const root = join(import.meta.dirname, "../../..");

test("the example in docs/store.md does what the page says", async () => {
  const project = mkdtempSync(join(tmpdir(), "azora-docs-"));
  process.env["AZORA_DATA_DIR"] = join(project, "data");
  const page = readFileSync(join(root, "docs/store.md"), "utf8");
  for (const [, path, code] of page.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    mkdirSync(dirname(join(project, path!)), { recursive: true });
    writeFileSync(join(project, path!), code!.replace(/"(\.\.\/)+mixins/g, `"${root}/mixins`));
  }
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  const { default: library } = (await import(join(project, "services/heart/library/library.service.ts"))) as {
    default: ServiceSchema;
  };

  const broker = new ServiceBroker({ logger: false, dependencyInterval: 20, registry: { stopDelay: 0 } } as never);
  broker.createService({ name: "azora-database" });
  broker.createService(library);
  await broker.start();
  try {
    const book = (await broker.call("library.create", {
      isbn: "9780141439587",
      title: "Emma",
      tags: ["novel"],
    })) as Stored<{ lent: boolean }>;
    expect(book).toMatchObject({ lent: false, version: 1, deletedAt: null });
    await broker.call("library.lend", { id: book._id, reader: "Ada" });
    await expect(broker.call("library.lend", { id: book._id, reader: "Bob" })).rejects.toMatchObject({
      type: "DUPLICATE",
      message: 'loans with isbn "9780141439587" exists already',
    });
    const query = { tags: "novel", lent: true };
    expect(await broker.call("library.find", { query, sort: "-createdAt" })).toHaveLength(1);
    await expect(
      broker.call("library.update", { id: book._id, version: 1, title: "Emma (1815)" }),
    ).rejects.toMatchObject({
      type: "VERSION_CONFLICT",
      message: `books "${book._id}" is at version 2, not 1: read it again and repeat the change`,
    });
  } finally {
    await broker.stop();
    delete process.env["AZORA_DATA_DIR"];
    rmSync(project, { recursive: true, force: true });
  }
});
