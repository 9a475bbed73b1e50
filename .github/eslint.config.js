/**
 * Lint rules, run from the root of the project as `npm run lint`. Only what TypeScript itself and
 * tests/architecture.test.ts (rooms, cycles, sizes, forbidden clocks) do not already check.
 */

import tseslint from "typescript-eslint";

/** Every file opens with a comment that says what it does. */
const fileHead = {
  meta: { type: "suggestion", messages: { missing: "Open the file with a comment that says what it does." }, schema: [] },
  create(context) {
    return {
      Program(program) {
        const [first] = context.sourceCode.getAllComments();
        const [statement] = program.body;
        if (statement !== undefined && (first === undefined || first.range[0] > statement.range[0])) {
          context.report({ loc: { line: 1, column: 0 }, messageId: "missing" });
        }
      },
    };
  },
};

/**
 * No object is asked for a member whose name is any text: what a peer sends could be "constructor" or "__proto__". A Map is, or an object
 * whose type lists its names (robustness: Q, Wire-keyed lookups).
 */
const namedLookup = {
  meta: { type: "problem", messages: { wire: "A name that may come from a peer: look it up in a Map, or in an object whose type lists its names." }, schema: [] },
  create(context) {
    const services = context.sourceCode.parserServices;
    const TEXT = 1 << 2;
    return {
      MemberExpression(node) {
        if (node.computed && (services.getTypeAtLocation(node.property).flags & TEXT) !== 0) context.report({ node, messageId: "wire" });
      },
    };
  },
};

/** Promises that need not be awaited: their failure is told elsewhere too, and they are never an unhandledRejection. */
const safePromises = ["Settling"];

export default tseslint.config(
  {
    files: ["**/*.ts"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: `${import.meta.dirname}/..` },
    },
    plugins: { "@typescript-eslint": tseslint.plugin, local: { rules: { "file-head": fileHead, "named-lookup": namedLookup } } },
    rules: {
      // promises
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafePromises: safePromises.map((name) => ({ from: "file", name })) }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      "no-async-promise-executor": "error",
      // types
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unsafe-return": "error",
      "@typescript-eslint/no-unsafe-argument": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/restrict-plus-operands": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_|^Body$", caughtErrors: "none" }],
      "@typescript-eslint/ban-ts-comment": ["error", { "ts-expect-error": "allow-with-description" }],
      // plain mistakes
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-var": "error",
      "prefer-const": ["error", { ignoreReadBeforeAssign: true }],
      "no-debugger": "error",
      "no-self-compare": "error",
      "no-constant-binary-expression": "error",
      "no-unsafe-finally": "error",
      "no-fallthrough": "error",
      "no-loss-of-precision": "error",
      "no-template-curly-in-string": "error",
      "no-restricted-syntax": ["error", { selector: "ExportDefaultDeclaration", message: "Export by name." }],
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "local/file-head": "error",
      "local/named-lookup": "error",
      "no-console": "error",
      "@typescript-eslint/prefer-promise-reject-errors": ["error", { allowThrowingUnknown: true, allowThrowingAny: true, allowEmptyReject: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Export by name." },
        { selector: "ExportAllDeclaration", message: "Name what is exported." },
        { selector: "TSEnumDeclaration", message: "Use a const object." },
      ],
    },
  },
  {
    // Names here are those of our own tables and options, of an environment, or the very keys of the object, which has no prototype where it came from a peer.
    files: [
      "src/broker/check-options.ts", "src/broker/selector/names.ts", "src/client/termini.ts", "src/frames/composite.ts", "src/message/{message,relay,same,write-sections}.ts",
      "src/options/{check,unfold}.ts", "src/platform/node.ts", "src/testing/**/*.ts", "src/wire/{decode-value,encode}.ts",
    ],
    rules: { "local/named-lookup": "off" },
  },
  {
    files: ["src/cli/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["tests/**/*.ts"],
    rules: { "@typescript-eslint/no-unsafe-return": "off", "@typescript-eslint/no-unsafe-argument": "off" },
  },
  {
    files: ["examples/**/*.ts"],
    rules: { "local/file-head": "error" },
  },
);
