// The conditions of a filter, one by one, and the words in which they are read.

import { count } from "../format";
import type { Condition } from "./protocol";

export type Compared = Extract<Condition, { kind: "compare" }>["operator"];
export type Textual = Extract<Condition, { kind: "text" }>["operator"];

export const COMPARED: [Compared, string][] = [
  ["=", "="],
  ["!=", "≠"],
  ["<", "<"],
  ["<=", "≤"],
  [">", ">"],
  [">=", "≥"],
];
export const TEXTUAL: [Textual, string][] = [
  ["contains", "contains"],
  ["starts_with", "starts with"],
  ["ends_with", "ends with"],
  ["matches", "matches the pattern"],
];

const LISTED = 3;

/** The conditions that all have to hold. */
export const parts = (filter: Condition | null): Condition[] =>
  filter === null ? [] : filter.kind === "and" ? filter.conditions : [filter];

export function joined(conditions: Condition[]): Condition | null {
  const [first, ...others] = conditions;
  if (first === undefined) return null;
  return others.length === 0 ? first : { kind: "and", conditions };
}

/** The column that a condition is about, unless it is about several. */
export function columnOf(condition: Condition): number | null {
  if ("conditions" in condition) return null;
  return condition.kind === "not" ? columnOf(condition.condition) : condition.column;
}

/** A filter as it is read: price > 500, cut is Ideal or Good. */
export function words(condition: Condition, nameOf: (column: number) => string): string {
  switch (condition.kind) {
    case "is_null":
      return `${nameOf(condition.column)} is null`;
    case "range": {
      const { low, high } = condition;
      const ends = [low === null ? "" : `from ${low}`, high === null ? "" : `to ${high}`].filter(Boolean);
      return `${nameOf(condition.column)} ${ends.join(" ")}`;
    }
    case "one_of": {
      const shown = condition.values.slice(0, LISTED).map((value) => value ?? "null");
      const more = condition.values.length - shown.length;
      if (more > 0) shown.push(`${count(more)} more`);
      return `${nameOf(condition.column)} is ${shown.join(" or ")}`;
    }
    case "compare":
    case "text": {
      const verb = [...COMPARED, ...TEXTUAL].find(([operator]) => operator === condition.operator)?.[1];
      return `${nameOf(condition.column)} ${verb} ${condition.value}`;
    }
    case "not":
      return condition.condition.kind === "is_null"
        ? `${nameOf(condition.condition.column)} is not null`
        : `not (${words(condition.condition, nameOf)})`;
    default:
      return condition.conditions.map((one) => `(${words(one, nameOf)})`).join(` ${condition.kind} `);
  }
}
