import { ORGANISM, SYSTEMS } from "../../models/metrics.ts";
import { ACTION_TYPES, type RuleAction } from "../../models/rules.ts";
import { nearest } from "../nearest.ts";
import { ACTION_SHAPES, type ActionShape } from "./action-parameters.ts";
import { checkParameters, oneOf } from "./check-parameters.ts";
import type { KnownNames } from "./check-rules.ts";
import type { Faults } from "./faults.ts";
import { choiceField, type Fields, isFields, onlyFields, textField } from "./fields.ts";
import { HEALING_SHAPES } from "./healing-parameters.ts";
import { kindOfTarget, type NamedTarget } from "./targets.ts";

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
  else if (shape) {
    checkParameters(faults, `${path}.parameters`, parameters, { shape, target, known });
    if (type === "heal" && target) checkHealing(faults, path, parameters, target, known);
  }
  if (type === undefined || target === undefined || faults.list.length > before) return undefined;
  return { type, target: target.name, parameters: JSON.parse(JSON.stringify(parameters)) as Fields };
}

/** What the healer would refuse; a plug-in's actions are checked by the plug-in. */
function checkHealing(faults: Faults, path: string, given: Fields, target: NamedTarget, known: KnownNames): void {
  const { action = "restart", parameters = {} } = given;
  if (typeof action !== "string" || !Object.hasOwn(HEALING_SHAPES, action) || !isFields(parameters)) return;
  const shape = HEALING_SHAPES[action as keyof typeof HEALING_SHAPES];
  if (!shape.targets.includes(target.kind)) {
    const kinds = shape.targets.map(oneOf).join(" or ");
    faults.wrong(`${path}.target`, target.name, `${kinds} for ${action}, and this is ${oneOf(target.kind)}`);
  }
  checkParameters(faults, `${path}.parameters.parameters`, parameters, { shape, target, known });
}

function checkTarget(
  faults: Faults,
  path: string,
  input: unknown,
  shape: ActionShape | undefined,
  known: KnownNames,
): NamedTarget | undefined {
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
  return { name: target, kind };
}
