"""Builds the documentation site into build/docs: `make docs`. A warning is an error; so is a request to elsewhere."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs._site.requests import requests_of
from docs._site.staging import ROOT, SiteError, stage
from scripts._tools import attempt, python_tool

SOURCE = ROOT / "build" / "docs-source"
SITE = ROOT / "build" / "docs"


def main() -> None:
    """Builds all of it anew."""
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    try:
        stage(SOURCE)
    except SiteError as error:
        sys.exit(f"docs: {error}")
    settings = Path(__file__).parent
    sphinx = python_tool(settings, "docs") / "sphinx-build"
    options = ("--fail-on-warning", "--keep-going", "--quiet", "--jobs", "2", "--conf-dir", str(settings))
    built = attempt(str(sphinx), *options, str(SOURCE), str(SITE))
    if built.returncode != 0:
        sys.exit(f"docs: Sphinx found faults:\n{built.stdout}")
    shutil.rmtree(SITE / ".doctrees", ignore_errors=True)
    if asked := requests_of(SITE):
        sys.exit("docs: pages load from elsewhere:\n" + "\n".join(asked))
    print(f"docs: {sum(1 for _ in SITE.rglob('*.html'))} pages, {(SITE / 'index.html').relative_to(ROOT)}")


if __name__ == "__main__":
    main()
