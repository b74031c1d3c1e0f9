"""Matches events as MiniStack does, which decides about the local stack's rules.

Standard input and output are those of Match.java.
"""

import json
import sys

from ministack.services.eventbridge import _event_from_test_payload, _matches_pattern

rules = {name: json.dumps(pattern) for name, pattern in json.loads(sys.stdin.readline()).items()}
for line in sys.stdin:
    event = _event_from_test_payload(json.loads(line))
    print(json.dumps(sorted(name for name, pattern in rules.items() if _matches_pattern(pattern, event))))
