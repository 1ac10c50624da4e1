"""The errors of a result whose name is taken."""

from datagen_nb.core.errors import OutputError


def output_exists(path: str) -> OutputError:
    """The error for a result whose name another file has."""
    remedy = "Choose another name, or replace it: overwrite=True, on the command line --overwrite."
    return _name_taken("output_exists", path, "exists already", remedy)


def output_is_input(path: str) -> OutputError:
    """The error for a result that would replace the table it was made from."""
    remedy = "Choose another name for the result."
    return _name_taken(
        "output_is_input", path, "is the input, which must not be overwritten", remedy
    )


def _name_taken(code: str, path: str, what: str, remedy: str) -> OutputError:
    details = {"path": path, "remedy": remedy}
    return OutputError(f"{path} {what}. {remedy}", code=code, details=details)
