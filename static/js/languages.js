// The languages of code, for what is read and for the editor. Loaded with either of them.

import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { MSSQL, MySQL, PostgreSQL, SQLite, StandardSQL, sql } from "@codemirror/lang-sql";
import { StreamLanguage } from "@codemirror/language";
import { cypher } from "@codemirror/legacy-modes/mode/cypher";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { powerShell } from "@codemirror/legacy-modes/mode/powershell";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { tags } from "@lezer/highlight";

const DIALECTS = {
  postgres: PostgreSQL, postgresql: PostgreSQL, mysql: MySQL, mariadb: MySQL, sqlite: SQLite, mssql: MSSQL, tsql: MSSQL,
};
const NAMES = { sh: "shell", bash: "shell", zsh: "shell", crontab: "shell", pwsh: "powershell", yml: "yaml" };
const MODES = { cypher, dockerfile: dockerFile, powershell: powerShell, shell, yaml };
const known = new Map();

/** What gets a color of its own. */
export const KINDS = {
  word: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.standard(tags.variableName)],
  text: [tags.string, tags.special(tags.string)],
  value: [tags.number, tags.bool, tags.null],
  comment: [tags.comment],
};

/** A language by name, with what an editor needs of it; null: none that has colors. */
export function languageOf(name = "", dialect = "") {
  const plain = NAMES[name.toLowerCase()] ?? name.toLowerCase();
  const key = `${plain} ${dialect.toLowerCase()}`;
  if (!known.has(key)) known.set(key, made(plain, dialect.toLowerCase()));
  return known.get(key);
}

function made(name, dialect) {
  switch (name) {
    case "sql":
      return sql({ dialect: Object.hasOwn(DIALECTS, dialect) ? DIALECTS[dialect] : StandardSQL });
    case "python":
      return python();
    case "json":
      return json();
    default:
      return Object.hasOwn(MODES, name) ? StreamLanguage.define(MODES[name]) : null;
  }
}
