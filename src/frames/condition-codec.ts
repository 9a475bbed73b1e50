/** The error composite (§2.8.14) <-> bytes. */

import type { FieldType } from "./composite.ts";
import { composite, compositeSet, field } from "./composite.ts";
import type { ErrorCondition } from "./condition.ts";
import { FIELDS, STRING, SYMBOL, nested } from "./field-types.ts";

const ERROR = composite("error", 0x1d, [
  field<ErrorCondition>("condition", "condition", SYMBOL, { mandatory: true }),
  field<ErrorCondition>("description", "description", STRING),
  field<ErrorCondition>("info", "info", FIELDS),
], {});

/** An `error` field of another composite. */
export const ERROR_FIELD: FieldType = nested(ERROR, compositeSet("an error", [ERROR]));
