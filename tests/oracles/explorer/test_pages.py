"""The pages as files.

words    └── English and Chinese say the same things, with the same gaps to fill
files    ├── each page brings all it needs, from here
         └── what is committed is what the sources give (needs `npm ci --prefix web`)
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from sbi_network.explorer.pages import Pages
from sbi_network.explorer.settings import PageSettings

WEB: Final = Path(__file__).parents[3] / "web"
PAGES: Final = ("", "wallet")


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((WEB / "src" / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def test_words__of_both_languages__have_the_same_keys_and_gaps() -> None:
    english, chinese = words("en"), words("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert text.strip(), key
        assert chinese[key].strip(), key
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", chinese[key])), key
        assert not re.search("[\u4e00-\u9fff]", text) or key == "language"


@pytest.mark.parametrize("page", PAGES)
def test_page__and_what_it_asks_for__is_from_here(page: str) -> None:
    pages = Pages(PageSettings())
    found = pages.get(page, gzip=False)
    assert found is not None
    text = found.answer.body.decode()
    asked = re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    assert len(asked) == 3
    for path in asked:
        assert path.startswith("/")
        assert pages.get(path[1:], gzip=True) is not None, path
    assert "<script>" not in text
    assert " style=" not in text


def test_pages__headers__allow_nothing_foreign() -> None:
    policy = Pages(PageSettings()).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    named = Pages(PageSettings(relayer_url="https://relayer.example")).headers["content-security-policy"]
    assert "connect-src 'self' https://relayer.example;" in named


@pytest.mark.skipif(
    not (WEB / "node_modules").is_dir(), reason="the pages' packages are not installed: npm ci --prefix web"
)
def test_pages__committed__are_what_their_sources_give() -> None:
    done = subprocess.run(("node", "build.mjs", "--check"), cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
