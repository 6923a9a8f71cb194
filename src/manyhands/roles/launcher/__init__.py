"""The launcher: takes documents and wishes, prices them line by line, has a route found, funds the escrow.

Rules kept here
- Nothing is sent and nothing is charged before the requester approves a quote that the budget covers.
- The same launch request twice is one job; a refused job moved no money, so the same request may be tried again.
- A route from the router is checked before money follows it: it may only lead to parties this operator knows.
- The launcher never pays workers and never sees an answer; it knows a job by its life and its money.

Walk of a job: `draft` stores documents and quote; `approve` asks the router; with a route the escrow is launched; the
chain's word `LaunchedV2` opens the job and hands the pages out; `JobJudged` and `JobSettled` close it.
"""

from .errors import JobRefused, LauncherError, PoolTooSmall, RequestKeyReused, TooFewWorkers, UnknownJob
from .plan import LaunchPolicy, Plan, plan
from .role import Launcher
from .values import (
    DocumentView,
    EventView,
    ImportedDocumentRef,
    ImportedPageRef,
    JobSummary,
    JobView,
    JudgedView,
    LaunchOptions,
    ResultFile,
    ResultsView,
    RoutingView,
    SettledView,
)
from .workload import PageEstimate, workers_needed, workload_of

__all__ = [
    "DocumentView",
    "EventView",
    "ImportedDocumentRef",
    "ImportedPageRef",
    "JobRefused",
    "JobSummary",
    "JobView",
    "JudgedView",
    "LaunchOptions",
    "LaunchPolicy",
    "Launcher",
    "LauncherError",
    "PageEstimate",
    "Plan",
    "PoolTooSmall",
    "RequestKeyReused",
    "ResultFile",
    "ResultsView",
    "RoutingView",
    "SettledView",
    "TooFewWorkers",
    "UnknownJob",
    "plan",
    "workers_needed",
    "workload_of",
]
