"""`python -m cli`: the Flask CLI with our commands alone. The launcher ends here."""
import sys

import click

from wsgi import command_line


def main(arguments: list[str]) -> int:
    """Exit statuses of contract §1. Bad usage gets one line, too."""
    cli = command_line().cli
    try:
        cli.main(arguments or ["--help"], prog_name="paotang", standalone_mode=False)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "paotang"
        print(f"paotang: {error.format_message()} See `{where} --help`.", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
