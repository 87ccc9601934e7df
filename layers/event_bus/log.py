"""The structured log, one for every function (Powertools writes JSON lines).

Neither payloads nor secrets go into it.
"""

from aws_lambda_powertools import Logger

logger = Logger()
