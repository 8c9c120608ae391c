import { ACTION_TYPES, ORGANISM, type RuleAction, SYSTEMS } from "../../models/symbiosis.ts";
import { nearest } from "../nearest.ts";
import { ACTION_SHAPES, type ActionShape, type ParameterShape } from "./action-parameters.ts";
import { checkMetricKey } from "./check-metric.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { booleanField, choiceField, type Fields, isFields, numberField, onlyFields, textField } from "./fields.ts";
import { LONGEST_TEXT } from "./limits.ts";
import { kindOfTarget } from "./targets.ts";

/** One action of a rule; undefined after a fault. */
export function checkAction(faults: Faults, path: string, input: unknown, known: KnownNames): RuleAction | undefined {
  if (!isFields(input)) return faults.wrong(path, input, "an object with type, target and parameters");
  const before = faults.list.length;
  onlyFields(faults, path, input, ["type", "target", "parameters"]);
  const type = choiceField(faults, `${path}.type`, input["type"], ACTION_TYPES);
  const shape = type && ACTION_SHAPES[type];
  const target = checkTarget(faults, `${path}.target`, input["target"], shape, known);
  const parameters = input["parameters"] ?? {};
  if (!isFields(parameters)) faults.wrong(`${path}.parameters`, parameters, "an object");
  else if (shape) checkParameters(faults, `${path}.parameters`, parameters, shape, known);
  if (type === undefined || target === undefined || faults.list.length > before) return undefined;
  return { type, target, parameters: JSON.parse(JSON.stringify(parameters)) as Fields };
}

function checkTarget(
  faults: Faults,
  path: string,
  input: unknown,
  shape: ActionShape | undefined,
  known: KnownNames,
): string | undefined {
  const what = "a system, a service or a node";
  const target = textField(faults, path, input, { longest: 128, what: `the name of ${what}` });
  if (target === undefined) return undefined;
  const names = [...SYSTEMS, ORGANISM, ...known.targets];
  const kind = known.targets.includes(target) && kindOfTarget(target) !== "node" ? "service" : kindOfTarget(target);
  const organ = kindOfTarget(target) === "system";
  if (kind === undefined || (kind === "service" && !organ && known.targets.length > 0 && !names.includes(target))) {
    const meant = nearest(target, names);
    return faults.wrong(path, target, `${what} that is there${meant ? `; did you mean ${meant}?` : ""}`);
  }
  if (shape && !shape.targets.includes(kind) && !(organ && shape.targets.includes("system"))) {
    return faults.wrong(
      path,
      target,
      `${shape.targets.map(oneOf).join(" or ")} for this action, and this is ${oneOf(kind)}`,
    );
  }
  return target;
}

const oneOf = (kind: string) => (kind === ORGANISM ? `the ${kind}` : `a ${kind}`);

function checkParameters(
  faults: Faults,
  path: string,
  parameters: Fields,
  shape: ActionShape,
  known: KnownNames,
): void {
  const names = Object.keys(shape.parameters);
  onlyFields(faults, path, parameters, names);
  for (const name of names) {
    const parameter = shape.parameters[name]!;
    const value = parameters[name];
    if (value !== undefined || parameter.required) checkParameter(faults, `${path}.${name}`, value, parameter, known);
  }
  const { anyOf, oneOf } = shape;
  if (anyOf && !anyOf.some((name) => parameters[name] !== undefined)) {
    faults.wrong(path, parameters, `told ${anyOf.join(" or ")}`);
  }
  if (oneOf && oneOf.filter((name) => parameters[name] !== undefined).length > 1) {
    faults.wrong(path, parameters, `told only one of ${oneOf.join(" and ")}`);
  }
}

function checkParameter(faults: Faults, path: string, value: unknown, shape: ParameterShape, known: KnownNames): void {
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
    case "open choice":
      openChoice(faults, path, value, shape.choices);
      return;
    case "scalar": {
      const short = typeof value === "string" && value.length <= LONGEST_TEXT;
      if (!short && typeof value !== "boolean" && !Number.isFinite(value)) {
        faults.wrong(path, value, "true, false, a number or a short text");
      }
      return;
    }
    case "metric":
      checkMetricKey(faults, path, value, known);
      return;
    case "object":
      if (!isFields(value) || !isShortJson(value)) {
        faults.wrong(path, value, `an object of at most ${LONGEST_TEXT} characters as JSON`);
      }
  }
}

function isShortJson(value: unknown): boolean {
  try {
    return JSON.stringify(value).length <= LONGEST_TEXT;
  } catch {
    return false; // cyclic, or holds what JSON does not know
  }
}

function openChoice(faults: Faults, path: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === "string" && choices.includes(value)) return;
  const wellFormed = typeof value === "string" && /^[a-z][a-z0-9-]{0,63}$/.test(value);
  if (!wellFormed || nearest(value, choices) !== undefined) faults.unknownName(path, value, choices, " or a plug-in's");
}
