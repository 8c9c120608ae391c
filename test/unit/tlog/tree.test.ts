import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Frontier, rootOf } from "../../../tlog/frontier.ts";
import { EMPTY_ROOT, leafHash, nodeHash } from "../../../tlog/hashes.ts";
import {
  consistencyProof,
  inclusionProof,
  type NodeReader,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from "../../../tlog/proofs.ts";
import { naiveConsistency, naiveLeaf, naivePath, naiveRoot } from "../../support/naive-tree.ts";
import { describeVectors, readJson } from "../../support/vectors.ts";

const LEAVES = Array.from({ length: 2000 }, (_, i) => naiveLeaf(Buffer.from(`leaf ${i}`)));
const memo = new Map<string, Buffer>();
const node: NodeReader = (level, index) => {
  const key = `${level}/${index}`;
  const known = memo.get(key);
  if (known) return known;
  const hash = level === 0 ? LEAVES[index]! : nodeHash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1));
  memo.set(key, hash);
  return hash;
};
const sizes = fc.integer({ min: 1, max: LEAVES.length });

describe("the tree", () => {
  test("has the roots of RFC 6962's reference tree", () => {
    const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const hashes = leaves.map((hex) => leafHash(Buffer.from(hex, "hex")));
    expect(EMPTY_ROOT.toString("hex")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(hashes[0]!.toString("hex")).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(rootOf(hashes.slice(0, 3)).toString("hex")).toBe(
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    );
    expect(rootOf(hashes).toString("hex")).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  });

  test("hashes leaves of every length", () => {
    for (const length of [0, 1, 300, 65_534, 65_535, 65_536, 200_000]) {
      const bytes = Buffer.alloc(length, 7);
      expect(leafHash(bytes)).toEqual(naiveLeaf(bytes));
    }
  });

  test("refuses what is no hash", () => {
    expect(() => nodeHash(Buffer.alloc(31), Buffer.alloc(32))).toThrow("32 bytes");
    expect(() => new Frontier(3, [Buffer.alloc(32)])).toThrow("has 2 full subtrees, not 1");
    expect(() => new Frontier(-1)).toThrow("cannot have -1 leaves");
  });

  test("grows to the naive tree's root at every size to 2,000", () => {
    const frontier = new Frontier();
    expect(frontier.root()).toEqual(EMPTY_ROOT);
    for (let size = 1; size <= LEAVES.length; size++) {
      frontier.append(LEAVES[size - 1]!);
      if (size < 70 || size % 61 === 0 || size === LEAVES.length) {
        const leaves = LEAVES.slice(0, size);
        const root = naiveRoot(leaves);
        expect(frontier.root()).toEqual(root);
        expect(rootOf(leaves)).toEqual(root);
        expect(rootAt(size, node)).toEqual(root);
        expect(new Frontier(size, frontier.nodes()).root()).toEqual(root);
      }
    }
    const copy = frontier.clone();
    copy.append(LEAVES[0]!);
    expect([frontier.size, copy.size]).toEqual([2000, 2001]);
  });

  test("proves each leaf as RFC 6962 says, and the proof holds for that leaf, place, size and root only", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, at, other) => {
        const index = at % size;
        const leaves = LEAVES.slice(0, size);
        const root = naiveRoot(leaves);
        const proof = inclusionProof(index, size, node);
        expect(proof).toEqual(naivePath(index, leaves));
        expect(verifyInclusion(index, size, LEAVES[index]!, proof, root)).toBe(true);
        const wrong = other % size;
        if (wrong !== index) {
          expect(verifyInclusion(wrong, size, LEAVES[index]!, proof, root)).toBe(false);
          expect(verifyInclusion(index, size, LEAVES[wrong]!, proof, root)).toBe(false);
        }
        expect(verifyInclusion(index, size, LEAVES[index]!, [...proof, root], root)).toBe(false);
        expect(verifyInclusion(index, size, LEAVES[index]!, proof.slice(1), root)).toBe(size === 1);
        expect(verifyInclusion(index, size, LEAVES[index]!, proof, LEAVES[1999]!)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test("proves every pair of sizes consistent as RFC 6962 says, and no other roots", () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const roots = [naiveRoot(LEAVES.slice(0, from)), naiveRoot(LEAVES.slice(0, to))] as const;
        const proof = consistencyProof(from, to, node);
        expect(proof).toEqual(naiveConsistency(from, LEAVES.slice(0, to)));
        expect(verifyConsistency(from, to, ...roots, proof)).toBe(true);
        expect(verifyConsistency(from, to, LEAVES[3]!, roots[1], proof)).toBe(false);
        expect(verifyConsistency(from, to, roots[0], LEAVES[3]!, proof)).toBe(false);
        expect(verifyConsistency(from, to, ...roots, [...proof, LEAVES[0]!])).toBe(false);
        if (proof.length > 0) expect(verifyConsistency(from, to, ...roots, proof.slice(0, -1))).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test("proves every leaf and every pair of a small tree", () => {
    for (let size = 1; size <= 33; size++) {
      const root = naiveRoot(LEAVES.slice(0, size));
      for (let at = 0; at < size; at++) {
        expect(verifyInclusion(at, size, LEAVES[at]!, inclusionProof(at, size, node), root)).toBe(true);
        const before = naiveRoot(LEAVES.slice(0, at + 1));
        expect(verifyConsistency(at + 1, size, before, root, consistencyProof(at + 1, size, node))).toBe(true);
      }
    }
  });

  test("takes no proof of what is no hash, no size, or began as nothing", () => {
    const short = Buffer.alloc(16);
    expect(verifyInclusion(0, 1, short, [], short)).toBe(false);
    expect(verifyInclusion(0, 0, LEAVES[0]!, [], LEAVES[0]!)).toBe(false);
    expect(verifyInclusion(2 ** 53, 2 ** 53 + 2, LEAVES[0]!, [], LEAVES[0]!)).toBe(false);
    expect(verifyInclusion(-1, 1, LEAVES[0]!, [], LEAVES[0]!)).toBe(false);
    expect(verifyInclusion(0.5, 1, LEAVES[0]!, [], LEAVES[0]!)).toBe(false);
    expect(verifyConsistency(0, 3, EMPTY_ROOT, naiveRoot(LEAVES.slice(0, 3)), [])).toBe(false);
    expect(verifyConsistency(1, 1, short, short, [])).toBe(false);
    expect(verifyConsistency(2, 1, LEAVES[0]!, LEAVES[0]!, [])).toBe(false);
    expect(consistencyProof(0, 9, node)).toEqual([]);
    expect(() => inclusionProof(3, 3, node)).toThrow("has no leaf 3");
    expect(() => consistencyProof(4, 3, node)).toThrow("does not contain one of 4");
    expect(() => rootAt(1.5, node)).toThrow("cannot have 1.5 leaves");
  });
});

describeVectors("the tree: published vectors", "", (path) => {
  interface Reference {
    leaves_hex: string[];
    root_by_tree_size_hex: string[];
    complete_subtree_nodes_by_level_hex: string[][];
    accumulated_subtree_vectors: Record<
      "subtree_hash" | "subtree_inclusion" | "subtree_consistency",
      { sha256: string }
    >;
  }

  test("every root and node of the reference tree", () => {
    const reference = readJson<Reference>(path("rfc6962_reference_tree.json"));
    const leaves = reference.leaves_hex.map((hex) => leafHash(Buffer.from(hex, "hex")));
    expect(reference.root_by_tree_size_hex.length).toBe(9);
    reference.root_by_tree_size_hex.forEach((root, size) => {
      expect(rootOf(leaves.slice(0, size)).toString("hex")).toBe(root);
    });
    reference.complete_subtree_nodes_by_level_hex.forEach((row, level) => {
      row.forEach((hex, i) => {
        expect(rootOf(leaves.slice(i * 2 ** level, (i + 1) * 2 ** level)).toString("hex")).toBe(hex);
      });
    });
  });

  test("the accumulated roots and inclusion proofs of all subtrees to 130 leaves", () => {
    const { accumulated_subtree_vectors: wanted } = readJson<Reference>(path("rfc6962_reference_tree.json"));
    const leaves = Array.from({ length: 130 }, (_, i) => leafHash(Buffer.of(i)));
    const roots = createHash("sha256");
    const proofs = createHash("sha256");
    for (let end = 0; end <= leaves.length; end++) {
      for (let start = 0; start <= end; start++) {
        let power = 1;
        while (power < end - start) power *= 2;
        if (start % power !== 0) continue;
        const own = leaves.slice(start, end);
        roots.update(`[${start}, ${end}) ${rootOf(own).toString("hex")}\n`);
        const reader: NodeReader = (level, index) => rootOf(own.slice(index * 2 ** level, (index + 1) * 2 ** level));
        for (let i = 0; i < own.length; i++) {
          const proof = inclusionProof(i, own.length, reader).map((hash) => ` ${hash.toString("hex")}`);
          proofs.update(`${start + i} [${start}, ${end})${proof.join("")}\n`);
        }
      }
    }
    expect(roots.digest("hex")).toBe(wanted.subtree_hash.sha256);
    expect(proofs.digest("hex")).toBe(wanted.subtree_inclusion.sha256);
  });
});
