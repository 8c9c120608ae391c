/**
 * A process with the library service, for tests with several of them. Its first argument says what it does; each
 * acknowledged document is one line on its output.
 */
import { writeSync } from "node:fs";
import type { Migration } from "../../../mixins/store/migrations.ts";
import { bookModel, loanModel, startLibrary } from "./shelf.ts";

const [task = "", name = "", times = "0"] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const seed: Migration = {
  version: 1,
  name: "seed",
  up(tx) {
    tx.collection(bookModel).insert({ isbn: `seed-${tx.collection(bookModel).count()}`, title: name });
  },
};

const library = await startLibrary(task === "migrate" ? { migrations: [seed] } : {});
const { service } = library;
const books = service.collection(bookModel);

switch (task) {
  case "insert":
    say("ready");
    for (let i = 0; i < Number(times); i++) say((await books.insert({ isbn: `${name}-${i}`, title: name }))._id);
    break;
  case "increment":
    for (let i = 0; i < Number(times); ) {
      const counter = (await books.findOne({ isbn: "counter" }))!;
      try {
        await books.update(counter._id, { pages: counter.pages! + 1 }, { version: counter.version });
        i++;
      } catch (error) {
        if ((error as { type?: string }).type !== "VERSION_CONFLICT") throw error;
      }
    }
    break;
  case "pairs":
    say("ready");
    for (let i = 0; ; i++) {
      const isbn = `${name}-${i}`;
      await service.transaction((tx) => {
        tx.collection(bookModel).insert({ isbn, title: name });
        tx.collection(loanModel).insert({ isbn, reader: name });
      });
      say(isbn);
    }
  case "die":
    await service.transaction((tx) => {
      tx.collection(bookModel).insert({ isbn: "half", title: name });
      process.kill(process.pid, "SIGKILL");
      for (;;);
    });
    break;
}
await library.broker.stop();
