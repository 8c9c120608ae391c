import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { exportEnd } from "../../../tlog/export-file.ts";
import { ApiClient } from "../../api-client.ts";
import { type Command, CommandError } from "../../command.ts";
import { FILTER, filterOf } from "./entry-filter.ts";

interface ExportPage {
  lines: string[];
  size: number;
  next?: string;
}

export const exportEntries: Command = {
  name: "export",
  usage: "[file.ndjson]",
  summary: "writes entries with their proofs, one a line, for checking anywhere",
  options: FILTER,
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const [file] = args;
    const client = new ApiClient(settings);
    const target = file === undefined ? undefined : newFile(file);
    const write = (line: string) => {
      if (target === undefined) out(line);
      else writeSync(target, `${line}\n`);
    };
    // The first line is the head.
    let entries = -1;
    try {
      const search = filterOf(options);
      search.set("limit", "1000");
      for (;;) {
        const page = await client.get<ExportPage>(`/api/chain/export?${search}`);
        for (const line of page.lines) write(line);
        entries += page.lines.length;
        if (page.next === undefined) break;
        search.set("size", String(page.size));
        search.set("after", page.next);
      }
      write(exportEnd(entries));
    } catch (error) {
      // A part of an export is worth nothing, and would only be taken for a whole one.
      if (file !== undefined) rmSync(file, { force: true });
      throw error;
    } finally {
      if (target !== undefined) closeSync(target);
    }
    if (file !== undefined && options["json"]) out(JSON.stringify({ file, entries }));
    else if (file !== undefined)
      out(`${entries} entries with their proofs are in ${file}; "azora chain verify ${file}" checks them`);
    return 0;
  },
};

function newFile(file: string): number {
  try {
    return openSync(file, "wx");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(code === "EEXIST" ? `${file} is there already` : `${file} cannot be written: ${message}`);
  }
}
