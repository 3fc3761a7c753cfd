"""`python -m bot` is the `hedgebot` command."""

from bot.app.cli import main

if __name__ == "__main__":
    main()
