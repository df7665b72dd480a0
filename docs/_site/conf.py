"""Sphinx's settings. What it reads was put together by `build.py`: it is never run on docs/ itself."""

project = "Smart Basic Income"
author = "The Smart Basic Income authors"
copyright = author  # noqa: A001 - Sphinx's name for it
extensions = ["myst_parser"]
exclude_patterns = ["files"]
html_theme = "furo"
html_title = project
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_heading_anchors = 4
# Units' sums have no highlighter, and Solidity's does not know a version number.
suppress_warnings = ["misc.highlighting_failure"]
