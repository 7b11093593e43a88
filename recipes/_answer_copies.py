"""What `caption` writes of a picture about which something is asked: where was looked for that."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from recipes._answer_results import Answered, draw_looks
from recipes._copies import CopyFolders, png_name


@dataclass(frozen=True)
class AnswerCopies(CopyFolders):
    """Which files are wanted of each picture, and where.

    Attributes:
        attention: folder for sheets of where the network looked for the answer.
    """

    attention: str | os.PathLike | None = None

    def _folders(self):
        return {"--attention": (self.attention, png_name)}

    def write(self, result: Answered) -> dict[str, Path]:
        """Write the files of one picture; return their paths by kind.

        Raises:
            InputError: the picture can no longer be read; nothing is written then.
            UsageError: a file of another picture has the place of one of these.
            DltkError: a file cannot be written.
        """
        self.check([result.item])
        path = Path(self.attention) / png_name(result.item.name)
        draw_looks(result.item.decode(), result, path)
        return {"attention": path}
