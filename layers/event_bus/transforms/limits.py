"""The limits of a transform and of its results.

The limits of templates are those of EventBridge's `InputTransformer`
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html), and those
of attributes are those of SQS and SNS.
"""

MAX_TEMPLATE_CHARACTERS = 8192
"""The longest input template."""

MAX_VARIABLES = 100
"""Variables of one template."""

MAX_VARIABLE_CHARACTERS = 256
"""The longest name of a variable."""

MAX_PATH_CHARACTERS = 256
"""The longest JSON path."""

MAX_BODY_BYTES = 1024 * 1024
"""The largest result of an expression or a template; of a text, as a JSON string."""

MAX_HEADERS = 20
"""Headers that one subscription sets."""

MAX_ATTRIBUTES = 10
"""Message attributes of SQS and SNS, those of the bus included."""

MAX_VALUE_CHARACTERS = 1024
"""The longest value of a header or an attribute in a subscription."""

MAX_SENT_CHARACTERS = 4096
"""The longest value of a header or an attribute that is taken from an event."""
