"""What can go wrong between a requester's wish and a funded job. Each says what it cost: nothing."""

from __future__ import annotations

from manyhands.protocol.errors import ManyhandsError, ProtocolError


class LauncherError(ManyhandsError):
    """Base of the launcher's own errors. None of them has moved money."""


class UnknownJob(LauncherError):
    """Nobody launched a job of that id here."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"there is no job {job_id}", cure="List the jobs and copy the id from there.")


class RequestKeyReused(LauncherError):
    """A request key names one request; it came again with other content."""

    def __init__(self, request_key: str, *, job_id: str) -> None:
        self.request_key, self.job_id = request_key, job_id
        super().__init__(
            f"request key {request_key!r} already belongs to job {job_id}, launched with other documents or options",
            cure="Use a new request key for a new job; nothing was charged.",
        )


class JobRefused(LauncherError):
    """The job was refused before any money moved."""

    def __init__(self, job_id: str, because: str) -> None:
        self.job_id, self.because = job_id, because
        super().__init__(
            f"job {job_id} was refused: {because}", cure="Mend the cause and launch again; nothing was charged."
        )


class TooFewWorkers(LauncherError):
    """The privacy level needs more different people than there are: the job would never end."""

    def __init__(self, *, needed: int, available: int, privacy: str) -> None:
        self.needed, self.available, self.privacy = needed, available, privacy
        super().__init__(
            f"privacy {privacy!r} needs {needed} workers for the fullest page, {available} are signed up",
            cure="Choose privacy 'standard', or wait until more workers have signed up; nothing was charged.",
        )


class PoolTooSmall(LauncherError):
    """The work pool has fewer members than one task may ask: the job would never end."""

    def __init__(self, pool: str, *, needed: int, available: int) -> None:
        self.pool, self.needed, self.available = pool, needed, available
        super().__init__(
            f"the job needs {needed} different workers, and work pool {pool} has {available} members"
            if available
            else f"work pool {pool} has no members here",
            cure="Check the pool's address, wait until more people have joined it, or launch for everybody; "
            "nothing was charged.",
        )


class NotYours(ProtocolError):
    """A message about a job from a party that has no such role in it."""

    def __init__(self, job_id: str, sender: str, role: str) -> None:
        self.job_id, self.sender, self.role = job_id, sender, role
        super().__init__(f"{sender} is not the {role} of job {job_id}")
