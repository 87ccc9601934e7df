"""The prices of AWS in US dollars: list prices of us-east-1, without free tiers and discounts.

As published in the first half of 2026 on the pages named. Change them here, and nowhere else.
"""

AS_OF = "the first half of 2026"
"""When these were the prices."""

MILLION = 1_000_000
MONTH_MINUTES = 30 * 24 * 60

# https://aws.amazon.com/api-gateway/pricing/
HTTP_API_REQUEST = 1.00 / MILLION
WEBSOCKET_MINUTE = 0.25 / MILLION
WEBSOCKET_MESSAGE = 1.00 / MILLION

# https://aws.amazon.com/lambda/pricing/: arm64.
FUNCTION_CALL = 0.20 / MILLION
GB_SECOND = 0.0000133334

# https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION

_GB = 1024**3
DYNAMODB_BYTE_MONTH = 0.25 / _GB

# https://aws.amazon.com/sqs/pricing/: a request of 64 KB, and the surcharge for fair queues, which
# messages with a group on a standard queue use.
SQS_REQUEST = 0.40 / MILLION
SQS_FAIR = 0.10 / MILLION

# https://aws.amazon.com/s3/pricing/
S3_PUT = 5.00 / MILLION
S3_GET = 0.40 / MILLION
S3_BYTE_MONTH = 0.023 / _GB

# https://aws.amazon.com/kms/pricing/
KMS_REQUEST = 3.00 / MILLION
KMS_SIGNATURE = 15.00 / MILLION
KMS_KEY_MONTH = 1.00

# https://aws.amazon.com/secrets-manager/pricing/
SECRETS_REQUEST = 5.00 / MILLION
SECRET_MONTH = 0.40

# https://aws.amazon.com/cloudwatch/pricing/
LOG_BYTE = 0.50 / 1_000_000_000
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
