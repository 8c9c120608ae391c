import { get } from "./api.js";
import { setAttribute, setText } from "./dom.js";
import { count, moment, shortDuration } from "./format.js";
import { createStrip } from "./strip.js";

const POLL_MS = 5000;
/** Signing that is so late is worth a word; a witness may take a little longer, ms. */
const LATE_MS = 5000;
const WITNESS_LATE_MS = 15_000;
const HASH_CHARACTERS = 12;

/** @typedef {{sign: string, tone: string, words: string}} Look */

/**
 * The audit chain in one line: its newest block, whether it is signed and witnessed, what is accounted for, and what is
 * wrong with it, in words.
 *
 * @param {HTMLElement} root
 * @param {() => boolean} isLive
 */
export function createRecord(root, isLive) {
  const { sign, words, facts, heading, fact } = createStrip("record", "Record");
  const entries = fact("entries", "in the log, since it began");
  const height = fact("newest block", "height, from 0");
  const hash = fact("its hash", "SHA-256 of the block");
  const age = fact("sealed", "since the newest block was sealed and signed");
  const accounted = fact("accounted for", "of all calls, events and entries that nodes have counted on both sides");
  hash.classList.add("hash");
  root.append(heading, facts);

  /** @type {import("./types.js").ChainStats|undefined} */
  let stats;
  /** @type {import("./types.js").ChainBlock|undefined} */
  let block;
  /** @type {import("./types.js").Accounted|undefined} */
  let sums;
  let away = "";
  let unwitnessedSince = 0;
  setInterval(() => isLive() && void poll(), POLL_MS);
  setInterval(() => !document.hidden && drawAge(), 1000);

  async function poll() {
    if (document.hidden) return;
    try {
      [stats, [block], sums] = await Promise.all([
        get("/api/chain/stats"),
        get("/api/chain/blocks?limit=1"),
        get("/api/chain/accounted").catch(() => undefined),
      ]);
      away = "";
    } catch (error) {
      // An organism without the chain has none to show; one whose chain is away has.
      if (error.status === 404) return;
      away = error.message;
    }
    draw();
  }

  function draw() {
    const look = away ? { sign: "✖", tone: "bad", words: awayWords(away) } : lookOf();
    if (!look) return;
    root.hidden = false;
    setAttribute(root, "data-tone", look.tone);
    setText(sign, look.sign);
    setText(words, look.words);
    if (stats) setText(entries, count(stats.entries));
    if (block) {
      setText(height, count(block.height));
      setText(hash, `${block.hash.slice(0, HASH_CHARACTERS)}…`);
      setAttribute(hash, "title", block.hash);
    }
    if (sums) setText(accounted, share(sums));
    drawAge();
  }

  function drawAge() {
    if (!block) return;
    const seconds = Math.max(0, (Date.now() - Date.parse(block.timestamp)) / 1000);
    setText(age, `${shortDuration(seconds)} ago`);
    setAttribute(age, "title", moment(block.timestamp));
  }

  /** @returns {Look|undefined} */
  function lookOf() {
    if (!stats) return undefined;
    const { alarms, checkpointLag, checkpointed, witnessed, witnesses } = stats;
    const gaps = sums ? total(sums.missing) + total(sums.extra) : 0;
    const now = Date.now();
    if (witnessed >= checkpointed) unwitnessedSince = 0;
    else unwitnessedSince ||= now;
    if (alarms.length > 0) return { sign: "✖", tone: "bad", words: alarms.map(({ why }) => why).join("; ") };
    if (gaps > 0) return { sign: "✖", tone: "bad", words: `${gapWords(sums)}; “azora chain accounted” says where` };
    if (checkpointLag > LATE_MS)
      return { sign: "◐", tone: "warn", words: `signing is ${shortDuration(checkpointLag / 1000)} behind` };
    if (witnesses.length === 0 || witnessed === 0)
      return { sign: "◐", tone: "warn", words: "every entry is signed, and no witness has confirmed any" };
    if (unwitnessedSince > 0 && now - unwitnessedSince > WITNESS_LATE_MS)
      return {
        sign: "◐",
        tone: "warn",
        words: `every entry is signed; witnesses have confirmed ${count(witnessed)} of them`,
      };
    return { sign: "●", tone: "good", words: "every entry is signed and witnessed" };
  }

  return {
    poll,
    draw,
    /** @param {import("./types.js").ChainBlock} sealed a message of the stream */
    sealed(sealed) {
      block = sealed;
      if (stats) stats = { ...stats, entries: Math.max(stats.entries, sealed.lastIndex + 1) };
    },
  };
}

function awayWords(why) {
  return `the audit chain cannot be asked (${why.replace(/\.$/, "")}); nodes keep what is to be recorded until it is back`;
}

function gapWords({ missing, extra }) {
  const [lost, strange] = [total(missing), total(extra)];
  return [lost > 0 ? `${count(lost)} missing` : "", strange > 0 ? `${count(strange)} that nobody sent` : ""]
    .filter(Boolean)
    .join(" and ");
}

/** Never 100 % while anything is missing. */
function share({ matched, declared, missing, extra }) {
  const well = total(matched) + total(declared);
  const all = well + total(missing) + total(extra);
  if (all === 0) return "nothing yet";
  return well === all ? "100 %" : `${(Math.floor((well / all) * 10_000) / 100).toFixed(2)} %`;
}

function total({ calls, events, entries }) {
  return calls + events + entries;
}
