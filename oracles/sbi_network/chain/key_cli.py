"""`sbi key`: keystores for the daemons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Makes keystores, and tells whose they are.")

KeystoreOption = Annotated[Path, typer.Option("--keystore", "-k", help="The encrypted keystore file (version 3).")]
PasswordOption = Annotated[Path, typer.Option("--password-file", "-p", help="The file with its password.")]


@app.command()
def new(keystore: KeystoreOption, password_file: PasswordOption) -> None:
    """A new key in a new keystore. Its password is drawn at random, unless the password file is there already."""
    from sbi_network.chain.key_making import make_keystore

    typer.echo(make_keystore(keystore, password_file))


@app.command()
def show(keystore: KeystoreOption, password_file: PasswordOption) -> None:
    """The account of a key: decrypts the keystore, so that it is known to open."""
    from sbi_network.chain.settings import KeySettings
    from sbi_network.signer.opening import load_private

    typer.echo(load_private(KeySettings(keystore=keystore, password_file=password_file)).address)
