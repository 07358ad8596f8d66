// The rules for the admin page's JavaScript; `make check` runs them.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["host/admin/page/vendor/", "node_modules/", "out/", "var/"] },
  js.configs.recommended,
  {
    files: ["host/admin/page/**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      "eqeqeq": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-restricted-properties": ["error",
        { property: "innerHTML", message: "Build elements with h(); text from logs must never be parsed as HTML." },
        { property: "outerHTML", message: "Build elements with h(); text from logs must never be parsed as HTML." },
        { property: "insertAdjacentHTML", message: "Build elements with h()." }],
      "no-shadow": "error",
      "no-unused-vars": ["error", { args: "after-used" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  { files: ["scripts/page_vendor/*.{js,mjs}", "eslint.config.mjs"], languageOptions: { globals: globals.node } },
];
