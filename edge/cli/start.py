"""What the console script calls: as little as can be before Ctrl-C is told in words."""

import sys


def main() -> int:
    """As `edge.cli.main.main`, whose imports take a second on a small computer."""
    try:
        from edge.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
