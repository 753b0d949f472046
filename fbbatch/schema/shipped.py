"""Where the schemas and templates are that come with fbbatch."""

from pathlib import Path


def shipped_folder() -> Path:
    """The folder of the schemas and templates that come with fbbatch.

    It is in the wheel, or the checkout's own.
    """
    packed = Path(__file__).parents[1] / "defaults"
    return packed if packed.is_dir() else Path(__file__).parents[2]
