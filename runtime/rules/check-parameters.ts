import { ORGANISM } from "../../models/metrics.ts";
import { BEYOND } from "../json-body.ts";
import { nearest } from "../nearest.ts";
import type { ActionShape, ParameterShape } from "./action-parameters.ts";
import { checkMetricKey } from "./check-metric.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { booleanField, choiceField, type Fields, isFields, numberField, onlyFields, textField } from "./fields.ts";
import { LONGEST_TEXT } from "./limits.ts";
import type { NamedTarget } from "./targets.ts";

/** `a service`, `the organism` */
export const oneOf = (kind: string) => (kind === ORGANISM ? `the ${kind}` : `a ${kind}`);

/** What is wrong with the parameters of an action on such a target. */
export function checkParameters(
  faults: Faults,
  path: string,
  parameters: Fields,
  { shape, target, known }: { shape: ActionShape; target: NamedTarget | undefined; known: KnownNames },
): void {
  const names = Object.keys(shape.parameters);
  onlyFields(faults, path, parameters, names);
  for (const name of names) {
    const parameter = shape.parameters[name]!;
    const value = parameters[name];
    if (value !== undefined || parameter.required) checkParameter(faults, `${path}.${name}`, value, parameter, known);
  }
  const { anyOf, oneOf: atMostOne, only = {} } = shape;
  for (const [name, kinds] of Object.entries(only)) {
    if (parameters[name] === undefined || !target || kinds.includes(target.kind)) continue;
    const goesWith = kinds.map(oneOf).join(" or ");
    faults.add(
      `${path}.${name}`,
      `${path}.${name} goes only with ${goesWith}, and ${target.name} is ${oneOf(target.kind)}`,
    );
  }
  if (anyOf && !anyOf.some((name) => parameters[name] !== undefined)) {
    faults.wrong(path, parameters, `told ${anyOf.join(" or ")}`);
  }
  if (atMostOne && atMostOne.filter((name) => parameters[name] !== undefined).length > 1) {
    faults.wrong(path, parameters, `told only one of ${atMostOne.join(" and ")}`);
  }
}

function checkParameter(faults: Faults, path: string, value: unknown, shape: ParameterShape, known: KnownNames): void {
  if (value === null && shape.orNull) return;
  switch (shape.type) {
    case "number":
      numberField(faults, path, value, shape);
      return;
    case "boolean":
      booleanField(faults, path, value);
      return;
    case "text":
      textField(faults, path, value, shape);
      return;
    case "choice":
      choiceField(faults, path, value, shape.choices);
      return;
    case "choices":
      someOf(faults, path, value, shape.choices);
      return;
    case "open choice":
      openChoice(faults, path, value, shape.choices);
      return;
    case "scalar": {
      const short = typeof value === "string" && value.length <= LONGEST_TEXT;
      const number = typeof value === "number" && Math.abs(value) < BEYOND;
      if (!short && typeof value !== "boolean" && !number) {
        faults.wrong(path, value, "true, false, a number between -2^63 and 2^63, or a short text");
      }
      return;
    }
    case "metric":
      checkMetricKey(faults, path, value, known);
      return;
    case "object":
      if (!isFields(value) || !isShortJson(value)) {
        faults.wrong(
          path,
          value,
          `an object of at most ${LONGEST_TEXT} characters as JSON, with numbers between -2^63 and 2^63`,
        );
      }
  }
}

function isShortJson(value: unknown): boolean {
  let canGo = true;
  const seen = (_key: string, inner: unknown) => {
    if (typeof inner === "number" && !(Math.abs(inner) < BEYOND)) canGo = false;
    return inner;
  };
  try {
    return JSON.stringify(value, seen).length <= LONGEST_TEXT && canGo;
  } catch {
    return false; // cyclic, or holds what JSON does not know
  }
}

function someOf(faults: Faults, path: string, value: unknown, choices: readonly string[]): void {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size < value.length)
    return void faults.wrong(path, value, `a list of ${choices.join(", ")}, each at most once`);
  for (const [i, one] of value.slice(0, choices.length + 1).entries())
    choiceField(faults, `${path}[${i}]`, one, choices);
}

function openChoice(faults: Faults, path: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === "string" && choices.includes(value)) return;
  const wellFormed = typeof value === "string" && /^[a-z][a-z0-9-]{0,63}$/.test(value);
  if (!wellFormed || nearest(value, choices) !== undefined) faults.unknownName(path, value, choices, " or a plug-in's");
}
