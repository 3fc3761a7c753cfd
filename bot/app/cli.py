"""The `hedgebot` command line."""

import typer

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `hedgebot` command."""
    cli()
