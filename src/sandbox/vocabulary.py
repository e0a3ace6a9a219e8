# SPDX-License-Identifier: Apache-2.0
"""Words that more than one part knows: what things ask and are told, how they are refused, what can go wrong."""

# AWS's codes
JOB_CODES = ("InvalidTopic", "InvalidJson", "InvalidRequest", "InvalidStateTransition", "ResourceNotFound",
             "VersionMismatch", "InternalError", "RequestThrottled", "TerminalStateReached")
STREAM_CODES = ("InvalidTopic", "InvalidJson", "InvalidCbor", "InvalidRequest", "Unauthorized", "BlockSizeOutOfBounds",
                "OffsetOutOfBounds", "BlockCountLimitExceeded", "BlockBitmapLimitExceeded", "ResourceNotFound",
                "VersionMismatch", "ETagMismatch", "InternalError")
REPORT_CODES = ("InvalidPayload", "Throttled", "InternalError")

# A request and its answer, or a notification, by a word that is short
KINDS = ("pending", "start-next", "describe", "update", "notify", "notify-next", "stream", "block", "report")
REQUESTS = {"pending", "start-next", "describe", "update", "stream", "block", "report"}
GROUPS = {
    "jobs": {"pending", "start-next", "describe", "update"},
    "notifications": {"notify", "notify-next"},
    "streams": {"stream", "block"},
    "all": set(KINDS),
}
DAMAGES = ("payload", "size", "short", "index", "base64", "json")
# What can happen to a download by HTTPS, see bucket.py.
DOWNLOAD = "download"
SPOILS = ("cut", "stall", "more", "more-unsaid", "less", "less-unsaid", "html", "expired", "denied", "busy", "whole",
          "range", "flip", "to-http", "to-https")
# action: its keys beside p, after and times, each with its default
ACTIONS = {
    "lose": {},
    "double": {},
    "delay": {"ms": "1-50"},
    "reorder": {},
    "corrupt": {"what": "json"},
    "refuse": {"code": "InternalError"},
    "ignore": {},
    "spoil": {"what": "cut", "at": "0"},
}
