"""ThresholdService: values and stops, read and changed while running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from oversight.decisions import Call
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.convert.recommendations import asked_from_proto, recommended_to_proto
from oversight.grpc_api.convert.thresholds import (
    engaged_to_proto,
    event_to_proto,
    history_query,
    justification_from_proto,
    named_stop_from_proto,
    outcome_to_proto,
    revision_from_proto,
    scope_from_proto,
    settings_from_proto,
    stop_from_proto,
    table_to_proto,
    terms_from_proto,
)
from oversight.insight.question import Asked, Recommended
from oversight.thresholds.changes import Changes
from oversight.thresholds.stops import Stops
from oversight.thresholds.table import Tables
from oversight.v1 import threshold_service_pb2 as pb

__all__ = ["Recommender", "ThresholdService", "ThresholdUseCases"]


Recommender = Callable[[Asked, str], Recommended]
"""Answers what is asked by a caller of this name; does end, and raises what `insight.recommending` does."""


class ThresholdUseCases(NamedTuple):
    """What the service calls; *default_policy* is the policy of changes that name none."""

    tables: Tables
    changes: Changes
    stops: Stops
    default_policy: str
    recommend: Recommender


class ThresholdService:
    """Changes thresholds and stops for callers who may: their role was checked before."""

    NAME = pb.DESCRIPTOR.services_by_name["ThresholdService"].full_name

    def __init__(self, use_cases: ThresholdUseCases) -> None:
        self._use_cases = use_cases

    def methods(self, answering: Answering, reads: ReadingPool) -> list[Method]:
        """Return the service's methods; all of them run in *reads*."""
        functions: dict[str, tuple[Any, Callable[[Any, Call], bytes]]] = {
            "GetThresholds": (pb.GetThresholdsRequest, self.get_thresholds),
            "UpdateThresholds": (pb.UpdateThresholdsRequest, self.update_thresholds),
            "ListThresholdChanges": (pb.ListThresholdChangesRequest, self.list_changes),
            "RollbackThresholds": (pb.RollbackThresholdsRequest, self.roll_back),
            "ApproveThresholdChange": (pb.ApproveThresholdChangeRequest, self.approve),
            "RejectThresholdChange": (pb.RejectThresholdChangeRequest, self.reject),
            "EngageStop": (pb.EngageStopRequest, self.engage_stop),
            "ReleaseStop": (pb.ReleaseStopRequest, self.release_stop),
            "ListStops": (pb.ListStopsRequest, self.list_stops),
            "RecommendThresholds": (pb.RecommendThresholdsRequest, self.recommend),
        }
        return [
            answering.method(f"/{self.NAME}/{name}", request.FromString, function, reads)
            for name, (request, function) in functions.items()
        ]

    def get_thresholds(self, request: pb.GetThresholdsRequest, call: Call) -> bytes:  # noqa: ARG002 - every method's signature
        """Return what is in force in one scope."""
        table = self._use_cases.tables.read(request.policy, scope_from_proto(request.scope, "scope"))
        return pb.GetThresholdsResponse(thresholds=table_to_proto(table)).SerializeToString()

    def update_thresholds(self, request: pb.UpdateThresholdsRequest, call: Call) -> bytes:
        """Change values, or propose to."""
        settings = settings_from_proto(request, self._use_cases.default_policy)
        outcome = self._use_cases.changes.update(settings, terms_from_proto(request, call.caller))
        return pb.UpdateThresholdsResponse(update=outcome_to_proto(outcome)).SerializeToString()

    def list_changes(self, request: pb.ListThresholdChangesRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Return one page of the history."""
        limit, before = history_query(request)
        events = self._use_cases.changes.list_events(limit, before)
        following = str(events[-1].revision) if events and events[-1].revision > 1 else ""
        response = pb.ListThresholdChangesResponse(changes=map(event_to_proto, events), next_page_token=following)
        return response.SerializeToString()

    def roll_back(self, request: pb.RollbackThresholdsRequest, call: Call) -> bytes:
        """Go back to the values of an earlier revision, or propose to."""
        terms = terms_from_proto(request, call.caller)
        outcome = self._use_cases.changes.roll_back(revision_from_proto(request), terms)
        return pb.RollbackThresholdsResponse(update=outcome_to_proto(outcome)).SerializeToString()

    def approve(self, request: pb.ApproveThresholdChangeRequest, call: Call) -> bytes:
        """Put a proposed change in force."""
        outcome = self._use_cases.changes.approve(request.revision, terms_from_proto(request, call.caller))
        return pb.ApproveThresholdChangeResponse(update=outcome_to_proto(outcome)).SerializeToString()

    def reject(self, request: pb.RejectThresholdChangeRequest, call: Call) -> bytes:
        """End the wait of a proposed change."""
        why = justification_from_proto(request.justification)
        revision = self._use_cases.changes.reject(request.revision, call.caller, why)
        return pb.RejectThresholdChangeResponse(revision=revision).SerializeToString()

    def engage_stop(self, request: pb.EngageStopRequest, call: Call) -> bytes:
        """Engage a stop."""
        why = justification_from_proto(request.justification)
        engaged = self._use_cases.stops.engage(named_stop_from_proto(request.scope), call.caller, why)
        return pb.EngageStopResponse(stop=engaged_to_proto(engaged)).SerializeToString()

    def release_stop(self, request: pb.ReleaseStopRequest, call: Call) -> bytes:
        """Release a stop."""
        why = justification_from_proto(request.justification)
        revision = self._use_cases.stops.release(stop_from_proto(request.scope), call.caller, why)
        return pb.ReleaseStopResponse(revision=revision).SerializeToString()

    def list_stops(self, request: pb.ListStopsRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Return the stops that are engaged."""
        state = self._use_cases.stops.list_engaged()
        return pb.ListStopsResponse(
            stops=map(engaged_to_proto, state.stops), revision=state.revision
        ).SerializeToString()

    def recommend(self, request: pb.RecommendThresholdsRequest, call: Call) -> bytes:
        """Return the most lenient value that is proven, or an honest no."""
        found = self._use_cases.recommend(asked_from_proto(request), call.caller)
        return recommended_to_proto(found).SerializeToString()
