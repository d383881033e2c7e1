"""Whether a virtual-machine image will be accepted by the cloud and boot there."""

import datetime
import os
from collections.abc import Iterable
from typing import Any, Literal, TypedDict, Union

__all__ = ["PreflightError", "check", "inspect", "rules", "__version__"]

__version__: str

_Profile = Literal["ims-classic", "huaweicloud", "otc"]
_Lang = Literal["en", "zh-CN"]

class _WaiverRequired(TypedDict):
    rule: str
    reason: str

class _Waiver(_WaiverRequired, total=False):
    image: str
    expires: datetime.date

class PreflightError(OSError):
    """The image could not be checked: missing, unreadable, or changed while it was read."""

def check(
    path: Union[str, os.PathLike[str]],
    *,
    profile: _Profile = "ims-classic",
    lang: _Lang = "en",
    fail_on_warn: bool = False,
    password: Union[str, bytes, None] = None,
    waivers: Union[Iterable[_Waiver], None] = None,
    digest: Union[Literal["sha256", "md5"], None] = None,
) -> dict[str, Any]:
    """The report of one image: one element of ``reports`` in the JSON report."""

def inspect(path: Union[str, os.PathLike[str]]) -> dict[str, Any]:
    """What is in an image, without judgement: all facts that the rules see."""

def rules(*, profile: _Profile = "ims-classic", lang: _Lang = "en") -> list[dict[str, Any]]:
    """The rules of a profile: id, level, and what each says of itself."""
