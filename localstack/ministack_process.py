"""The emulator's own process: ministack, which parses each expression of DynamoDB once.

By itself it parses a condition anew for every item that it looks at. A query over some thousand
items, such as the router's for what changed in the registry, then stops everything for seconds.
"""

from functools import lru_cache

from ministack.app import main  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

# The check of an expression's grammar: text in, the error or None out. It is three quarters of what
# a condition costs.
dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)

main()
