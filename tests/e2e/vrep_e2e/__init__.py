"""What the end-to-end scenarios share: two real services, disks whose content is known, and readers that are not ours."""

from .disk import KIB, MIB, Disk, sha256
from .lab import FINISHED, Lab
from .runner import Skip, check, main, need_root, poll
from .service import ControlError, Service

__all__ = ["KIB", "MIB", "FINISHED", "ControlError", "Disk", "Lab", "Service", "Skip", "check", "main", "need_root",
           "poll", "sha256"]
