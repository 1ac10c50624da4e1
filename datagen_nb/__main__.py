"""``python -m datagen_nb`` is ``datagen-nb``."""

from datagen_nb.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
