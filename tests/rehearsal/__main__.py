"""A deployment to a public network, rehearsed: `make rehearse`.

Plays Sepolia on this machine (`nodes.py`), and does on it what docs/deploying.md says: deploys by the recipe, with one
kill in the middle; starts meters, oracles and a keeper; lives some epochs; changes the oracle set; hands over; audits.
Its last line sums it up. Exit code 1, and what failed, if anything did.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from eth_account import Account

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "rehearsal"


def main() -> None:
    """Prepares a project folder with keys of its own, and plays in there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", choices=("anvil", "hardhat"), default="anvil")
    parser.add_argument("--port-base", type=int, default=18545)
    parser.add_argument("--seed", type=int, default=1, help="of the weather")
    given = parser.parse_args()
    home = FOLDER / given.node
    shutil.rmtree(home, ignore_errors=True)
    project = home / "project"
    _copy_project(project, _fresh_mnemonic())
    command = [sys.executable, "-m", "tests.rehearsal.play", "--node", given.node, "--home", str(home)]
    command += ["--port-base", str(given.port_base), "--seed", str(given.seed)]
    environment = {**os.environ, "PYTHONPATH": f"{project}:{ROOT}:{ROOT / 'oracles'}", "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(command, cwd=project, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        sys.exit(child.wait())
    except KeyboardInterrupt:
        child.wait()
        sys.exit(1)


def _fresh_mnemonic() -> str:
    """Nobody else's accounts: a public network's recipe refuses the published ones."""
    Account.enable_unaudited_hdwallet_features()
    return str(Account.create_with_mnemonic(passphrase=secrets.token_hex(4))[1])


def _copy_project(project: Path, mnemonic: str) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "_deployments")
    for name in ("scripts", "contracts"):
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    shutil.copy(ROOT / "ape_console_extras.py", project)
    text = (ROOT / "ape-config.yaml").read_text(encoding="utf-8")
    (project / "ape-config.yaml").write_text(
        re.sub(r"^  mnemonic: .*$", f"  mnemonic: {mnemonic}", text, flags=re.MULTILINE), encoding="utf-8"
    )
    for name in (".build", "build/artifacts"):  # what is compiled already
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, project / name)
    for name in ("node_modules", "oracles"):
        (project / name).symlink_to(ROOT / name)


if __name__ == "__main__":
    main()
