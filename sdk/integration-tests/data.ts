import { type Check, expect } from "./check.ts";
import { type Note, probes } from "./probes.ts";

/** What is lost or altered on the way most easily. */
const TEXTS = ["plain", "", "  blanks  ", "äöü ß € 漢字 🫀 ‮", '"quotes" \\ and \n lines \t', "x".repeat(10_000)];

export const data: Check = {
  name: "data",
  about: "what is written is read back as it was, changes do not overwrite each other, and nothing stays behind",
  async run(world) {
    await world.needsProbe();
    world.cleanup(() => world.probe(probes.clear(world.run)));
    const written = await Promise.all(TEXTS.map((text) => world.probe<Note>(probes.write(world.run, text))));
    const read = await Promise.all(written.map(({ _id }) => world.probe<Note>(probes.read(_id))));
    read.forEach(({ text }, i) => {
      expect(
        text === TEXTS[i],
        `${JSON.stringify(TEXTS[i]!.slice(0, 50))} came back as ${JSON.stringify(text.slice(0, 50))}`,
      );
    });
    const [note] = written as [Note];
    const both = await Promise.allSettled(
      ["one", "other"].map((text) => world.probe<Note>(probes.change(note._id, note.version, text))),
    );
    const won = both.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(won.length === 1, `of two changes of the same version ${won.length} were accepted`);
    const { text } = await world.probe<Note>(probes.read(note._id));
    expect(text === won[0]!.text, "the note is not as the accepted change left it");
    await world.probe(probes.clear(world.run));
    const left = await world.probe<Note[]>(probes.notes(world.run));
    expect(left.length === 0, `${left.length} notes are still there`);
    return `${TEXTS.length} notes came back as they were, one of two changes at once was refused, none is left`;
  },
};
