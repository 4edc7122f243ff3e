"""The project's own tools: test runners, formatters, and build tools. They run code that has not been read."""

from __future__ import annotations

import re

from app.risk.commands.known_files import file_content
from app.risk.commands.options import arguments_of
from app.risk.commands.package_rules import (
    BUILDS,
    INSTALLS,
    PROJECT,
    PROJECT_RISKY,
    runs_task,
)
from app.risk.commands.table import Command, program
from app.risk.effects import DOWNLOADED, Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.words import Word

_TESTS = "This runs the project's tests, which run its code."
_CHECKS = "This checks or formats the project's code, by the project's settings."
_BUILDS = "This builds the project; its build steps have not been read."
_REMOVES = "This removes {what|packages}."
_PUBLISHES = "This publishes {what|the package}, or withdraws it; others get it."


@program(
    *word_set(
        "pytest py.test unittest nose2 nosetests tox nox behave robot jest vitest mocha ava jasmine karma cypress "
        "playwright tap c8 nyc wtr rspec minitest cucumber phpunit pest ctest bats shellspec busted gotestsum ginkgo "
        "testcafe nightwatch green coverage hypothesis locust stryker mutmut newman artillery k6 detox maestro xctest "
        "swift-test invoke-pester ward zope-testrunner codecept infection paratest kahlan"
    )
)
def _test(command: Command, reading: Reading) -> None:
    if [word.text for word in command.arguments] in (["--version"], ["-V"], ["--help"], ["-h"]):
        return
    reading.add(PROJECT, _TESTS, command.line)
    given = arguments_of(command.arguments, "-o --output --junitxml --outputFile --config -c --rootdir -p")
    for word in given.values("--junitxml", "--outputFile"):
        act_on(reading, Act.WRITE, word)
    if command.name == "playwright" and given.operands and given.operands[0].text == "install":
        reading.add(INSTALLS, "This downloads browsers.", command.line)


@program(
    *word_set(
        "ruff black isort flake8 pylint pyflakes pycodestyle pydocstyle mypy pyright basedpyright pyre pytype ty "
        "bandit vulture autopep8 yapf docformatter autoflake pyupgrade djlint lint-imports import-linter codespell "
        "interrogate radon xenon deptry prettier eslint eslint_d biome oxlint tslint standard xo stylelint tsc "
        "vue-tsc svelte-check knip madge depcheck commitlint lint-staged markdownlint markdownlint-cli2 cspell "
        "alex vale "
        "rustfmt clippy-driver gofmt goimports gofumpt golangci-lint staticcheck revive govulncheck rubocop "
        "standardrb reek brakeman erb_lint erblint solargraph sorbet srb steep clang-format clang-tidy cppcheck "
        "cpplint ktlint detekt scalafmt scalafix google-java-format checkstyle pmd spotbugs phpcs phpcbf php-cs-fixer "
        "phpstan psalm phan rector pint shellcheck shfmt hadolint yamllint actionlint ansible-lint tflint tfsec "
        "checkov terrascan trivy grype syft semgrep sqlfluff sqlfmt pgformatter taplo dprint swiftlint swiftformat "
        "swift-format dart-format stylua luacheck selene mix-format credo dialyzer ormolu fourmolu hlint nixfmt "
        "alejandra statix buf protolint spectral redocly kubeval kubeconform kube-linter kube-score helmlint conftest "
        "gitleaks detect-secrets pre-commit lefthook husky pip-licenses license-checker typos editorconfig-checker ec "
        "cloc tokei scc jscpd lizard nbqa nbstripout jupytext blacken-docs curlylint refurb slotscheck size-limit "
        "lighthouse pa11y axe html-validate htmlhint jsonlint ajv xmllint tidy"
    )
)
def _check(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if texts in (["--version"], ["-V"], ["--help"], ["-h"], ["-v"]):
        return
    if command.name in ("pre-commit", "lefthook", "husky") and texts[:1] in (
        ["install"],
        ["uninstall"],
        ["add"],
        ["autoupdate"],
    ):
        reading.add(PROJECT_RISKY, "This changes what version control runs by itself.", command.line)
        return
    given = arguments_of(
        command.arguments, "-o --output --output-file --outFile --outDir --out --report-file -c --config"
    )
    for word in given.values("-o", "--output-file", "--outFile", "--outDir", "--out", "--report-file"):
        act_on(reading, Act.WRITE, word)
    if command.name in (
        "shellcheck",
        "cloc",
        "tokei",
        "scc",
        "hadolint",
        "yamllint",
        "actionlint",
        "jsonlint",
    ):
        return  # these only read, and load no code
    reading.add(PROJECT, _CHECKS, command.line)


@program(
    *word_set(
        "webpack vite rollup esbuild parcel turbo nx lerna rush next nuxt astro gatsby remix ng vue vue-cli-service "
        "react-scripts svelte-kit expo tsup swc babel sass postcss tailwindcss tailwind storybook typedoc jsdoc esdoc "
        "docusaurus vitepress hugo jekyll eleventy mkdocs sphinx-build pdoc cmake ninja meson scons bazel bazelisk "
        "buck buck2 pants please xcodebuild swift flutter dart mix rebar3 stack cabal sbt mill lein clj clojure zig "
        "nim nimble dub crystal shards dune opam-build gcc g++ cc c++ clang clang++ ld as javac kotlinc scalac rustc "
        "fpc ghc nasm protoc pdflatex latexmk xelatex lualatex pandoc-build cython nuitka pyinstaller msbuild devenv "
        "autoconf automake autoreconf configure qmake emcc wasm-pack trunk tsx-build ncc pkg-js microbundle unbuild "
        "openapi-generator graphql-codegen sqlc wire mockgen stringer"
    )
)
def _build(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if texts in (["--version"], ["-V"], ["--help"], ["-h"], ["-v"], ["version"]):
        return
    tasks = [word for word in command.arguments if not word.text.startswith("-")]
    risky = re.compile(r"deploy|publish|release|destroy|upload|eject", re.IGNORECASE)
    if tasks and risky.search(tasks[0].text) and not re.search(r"[./]", tasks[0].text):
        runs_task(tasks[0], command, reading)
    else:
        reading.add(BUILDS, _BUILDS, command.line)
    given = arguments_of(command.arguments, "-o --output --out-dir --outdir -d")
    for word in given.values("-o", "--output", "--out-dir", "--outdir"):
        act_on(reading, Act.WRITE, word)


def _recipes(path: Word | None, command: Command, reading: Reading) -> None:
    """Read the recipes of a makefile that the code itself has written, or that comes from standard input."""
    if command.name not in ("make", "gmake"):
        return
    folder = arguments_of(command.arguments, "-C --directory").value("-C", "--directory")
    usual = folder.with_text(f"{folder.text.rstrip('/')}/Makefile") if folder is not None else Word("Makefile")
    content = file_content(reading, path or usual)
    if content is not None and content.source in ("download", "decoded"):
        reading.add(DOWNLOADED, "This runs the makefile of what was downloaded before.", command.line)
    if path is not None and path.text in ("-", "/dev/stdin"):
        content = command.input
    if content is None:
        return
    for number, line in enumerate(content.text.splitlines()[:500]):
        if line.startswith("\t"):
            code = line.strip().lstrip("@-+").replace("$$", "$")
            reading.read("shell", code, content.line + number, fixed=True, within="In the makefile: ")


@program(
    *word_set(
        "make gmake mingw32-make nmake just task rake invoke inv doit gulp grunt ant cake jake mage earthly dagger "
        "nps wireit fab waf tup redo phing robo"
    )
)
def _make(command: Command, reading: Reading) -> None:
    values = (
        "-C --directory --eval -f --file --makefile --justfile -j -l -o -W -I --working-directory -d -t --taskfile "
        "--buildfile"
    )
    given = arguments_of(command.arguments, values)
    if given.exactly(
        "--version", "-v", "--help", "-h", "--list", "-l", "--summary", "--evaluate", "-T", "-P", "--tasks"
    ):
        return
    if given.harmless("-n", "--dry-run", "--just-print", "--recon", "-q", "--question", "-p"):
        reading.doubt()  # parts of a makefile run all the same
        return
    _recipes(given.value("-f", "--file", "--makefile", "--justfile"), command, reading)
    shells = [
        word for word in given.operands if re.match(r"(?:SHELL|\.SHELLFLAGS|MAKEFLAGS|CC|CXX|LD)\s*:?=", word.text)
    ]
    for word in shells:
        run_unread(reading, word)
    if given.value("--eval"):
        run_unread(reading, "the text in --eval", command.line)
    targets = [word for word in given.operands if "=" not in word.text]
    for word in targets[:20]:
        runs_task(word, command, reading)
    if not targets:
        runs_task(None, command, reading)
